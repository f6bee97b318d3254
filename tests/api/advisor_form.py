"""The form of the advisor's page as a browser without scripts sees it: its fields, its buttons, what it would send."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from xml.etree.ElementTree import Element

import html5lib

from tests.api.html_validity import faults
from tests.api.serving import TestClient

HTML = "{http://www.w3.org/1999/xhtml}"


@dataclass(frozen=True)
class FormPage:
    """A page that was answered."""

    client: TestClient
    text: str

    @cached_property
    def root(self) -> Element:
        """The document."""
        found: Element = html5lib.parse(self.text)
        return found

    def all(self, tag: str) -> list[Element]:
        """Return the elements of a kind."""
        return list(self.root.iter(f"{HTML}{tag}"))

    def element(self, name: str) -> Element:
        """Return the element with an id."""
        return next(one for one in self.root.iter() if one.get("id") == name)

    def said(self, name: str) -> str:
        """Return the text of the element with an id, each run of blanks as one."""
        return " ".join("".join(self.element(name).itertext()).split())

    def link(self, text: str) -> str:
        """Return where the first link with this text leads."""
        return next(one.get("href") or "" for one in self.all("a") if text in " ".join("".join(one.itertext()).split()))

    @cached_property
    def fields(self) -> Mapping[str, str]:
        """What the form would send, by the names of its fields."""
        found = {}
        for one in self.all("input"):
            if one.get("name") and (one.get("type") != "checkbox" or one.get("checked") is not None):
                found[str(one.get("name"))] = one.get("value") or ""
        for one in self.all("select"):
            chosen = [each.get("value") or "" for each in one.iter(f"{HTML}option") if each.get("selected") is not None]
            assert len(chosen) == 1
            found[str(one.get("name"))] = chosen[0]
        return found | {str(one.get("name")): one.text or "" for one in self.all("textarea")}

    def press(self, label: str, **entered: str) -> "FormPage":
        """Press a button of the form, by its words, with texts in some fields first; dots of names are underlines."""
        buttons = [one for one in self.all("button") if one.get("type") == "submit"]
        pressed = next(one for one in buttons if label in (one.get("aria-label"), one.text))
        sent = dict(self.fields)
        for name, text in entered.items():
            [field] = [one for one in sent if one.replace(".", "_") == name]
            sent[field] = text
        if pressed.get("name"):
            sent[str(pressed.get("name"))] = str(pressed.get("value"))
        return answered(self.client, sent)


def opened(client: TestClient, address: str = "/advisor") -> FormPage:
    """Open the page at an address."""
    answer = client.get(address.partition("#")[0])
    assert answer.status_code == 200, answer.text
    assert faults(answer.text) == []
    return FormPage(client, answer.text)


def answered(client: TestClient, sent: Mapping[str, str]) -> FormPage:
    """Send the form."""
    answer = client.post("/advisor", data=dict(sent))
    assert answer.status_code == 200, answer.text
    assert faults(answer.text) == []
    assert " style=" not in answer.text
    return FormPage(client, answer.text)
