"""Whether a page is valid HTML: what html5lib sees when it parses, and what only a look at the whole document shows."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from xml.etree.ElementTree import Element

import html5lib
from html5lib.constants import E as MESSAGES

HTML = "{http://www.w3.org/1999/xhtml}"
REFERRING = (
    "aria-activedescendant",
    "aria-controls",
    "aria-describedby",
    "aria-details",
    "aria-errormessage",
    "aria-flowto",
    "aria-labelledby",
    "aria-owns",
    "for",
    "form",
    "headers",
    "list",
    "popovertarget",
)
"""Attributes whose words are ids of the document."""
LABELLABLE = {"button", "input", "meter", "output", "progress", "select", "textarea"}
NAMELESS = {"code", "div", "em", "p", "pre", "span", "strong"}
"""Elements without a role, which ARIA forbids to be given a name."""
PARENTS = {
    "dd": {"div", "dl"},
    "dt": {"div", "dl"},
    "figcaption": {"figure"},
    "legend": {"fieldset"},
    "li": {"menu", "ol", "ul"},
    "optgroup": {"select"},
    "option": {"datalist", "optgroup", "select"},
    "summary": {"details"},
}
CHILDREN = {
    "dl": {"div", "dt", "dd", "script", "template"},
    "ol": {"li", "script", "template"},
    "ul": {"li", "script", "template"},
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)")
WORDED = {"email", "number", "password", "search", "tel", "text", "url"}
INTERACTIVE = {"a", "button", "details", "iframe", "label", "select", "textarea"}
"""What must not be within a link or a button; so must no input but a hidden one."""
FLOW = {
    "article", "aside", "blockquote", "details", "dialog", "div", "dl", "fieldset", "figure", "footer", "form", "h1",
    "h2", "h3", "h4", "h5", "h6", "header", "hr", "main", "nav", "ol", "p", "pre", "section", "table", "ul",
}  # fmt: skip
TEMPLATE = re.compile(r"<template\b[^>]*>(.*?)</template>", re.DOTALL)
CONTAINERS = {"tr": "tbody", "td": "tr", "th": "tr", "li": "ul", "option": "select"}
"""In what the first element of a template will stand. html5lib takes templates for elements like others."""
PHRASING_ONLY = {"button", "code", "h1", "h2", "h3", "h4", "label", "p", "pre", "span", "strong", "q"}
"""Elements that hold text and what may stand within a line."""


def faults(page: str) -> list[str]:
    """Return what is wrong with the HTML of a page, one line each; nothing if it is valid as far as is looked at."""
    parser = html5lib.HTMLParser()
    document = parser.parse(TEMPLATE.sub("<template></template>", page))
    return [*_syntax(parser), *_faults_of(document), *_faults_of_templates(page)]


def _faults_of_templates(page: str) -> Iterator[str]:
    for content in TEMPLATE.findall(page):
        parser = html5lib.HTMLParser()
        first = re.match(r"\s*<(\w+)", content)
        parser.parseFragment(content, container=CONTAINERS.get(first[1] if first else "", "div"))
        yield from (f"in a template, {fault}" for fault in _syntax(parser))


def _syntax(parser: html5lib.HTMLParser) -> Iterator[str]:
    for (line, _), code, told in parser.errors:
        yield f"line {line}: {MESSAGES[code] % told}"


def _faults_of(document: Element) -> Iterator[str]:
    elements = list(document.iter())
    ids = Counter(element.get("id", "") for element in elements if "id" in element.attrib)
    yield from (f"id {name!r} is there {count} times" for name, count in ids.items() if count > 1)
    yield from (f"id {name!r} has a blank or no letter" for name in ids if name.split() != [name])
    by_id = {element.get("id", ""): element for element in elements if element.get("id")}
    for element in elements:
        yield from _references(element, by_id)
        yield from _name(element)
        yield from _values(element)
        yield from _nesting(element)
    yield from _outline(elements)


def _references(element: Element, by_id: dict[str, Element]) -> Iterator[str]:
    for attribute in REFERRING:
        for name in (element.get(attribute) or "").split():
            if name not in by_id:
                yield f"{_shown(element)}: {attribute} names {name!r}, which is nowhere"
    labelled = by_id.get(element.get("for", "")) if _tag(element) == "label" else None
    if labelled is not None and _tag(labelled) not in LABELLABLE:
        yield f"{_shown(element)}: labels a {_tag(labelled)}, which cannot have a label"
    address = element.get("href") or ""
    if _tag(element) == "a" and address.startswith("#") and address[1:] not in by_id:
        yield f"{_shown(element)}: leads to {address!r}, which is nowhere"


def _name(element: Element) -> Iterator[str]:
    named = element.get("aria-label") is not None or element.get("aria-labelledby") is not None
    if named and element.get("role") is None and _tag(element) in NAMELESS:
        yield f"{_shown(element)}: has a name but no role"
    if _tag(element) == "img" and element.get("alt") is None:
        yield f"{_shown(element)}: has no alt"


def _values(element: Element) -> Iterator[str]:
    if _tag(element) == "time" and not TIME.fullmatch(element.get("datetime", "")):
        yield f"{_shown(element)}: its datetime is finer than a millisecond, or none"
    if _tag(element) == "input" and "placeholder" in element.attrib and element.get("type", "text") not in WORDED:
        yield f"{_shown(element)}: inputs of this type have no placeholder"


def _nesting(element: Element) -> Iterator[str]:
    tag = _tag(element)
    for child in element:
        inner = _tag(child)
        if inner in PARENTS and tag not in PARENTS[inner]:
            yield f"{_shown(child)} is in a {tag}"
        if tag in CHILDREN and inner not in CHILDREN[tag]:
            yield f"{_shown(child)} is in a {tag}"
        if tag in PHRASING_ONLY and inner in FLOW:
            yield f"{_shown(child)} is in a {tag}"
    if tag in {"a", "button"}:
        within = (one for one in element.iter() if one is not element)
        yield from (f"{_shown(one)} is within a {tag}" for one in within if _is_interactive(one))


def _is_interactive(element: Element) -> bool:
    tag = _tag(element)
    return tag in INTERACTIVE or (tag == "input" and element.get("type") != "hidden") or element.get("tabindex") == "0"


def _outline(elements: list[Element]) -> Iterator[str]:
    tags = [_tag(element) for element in elements]
    for one in ("h1", "main", "title"):
        # A drawing's parts have titles as well, in a namespace of their own.
        if tags.count(one) != 1:
            yield f"there are {tags.count(one)} elements {one}, not one"
    levels = [int(tag[1]) for tag in tags if tag in {"h1", "h2", "h3", "h4", "h5", "h6"}]
    yield from (
        f"a heading of level {below} follows one of level {above}"
        for above, below in pairwise(levels)
        if below > above + 1
    )


def _tag(element: Element) -> str:
    """Return the name of an element of HTML; of others with their namespace, and nothing of comments."""
    return element.tag.removeprefix(HTML) if isinstance(element.tag, str) else ""


def _shown(element: Element) -> str:
    attributes = "".join(f' {name}="{value}"' for name, value in element.items())
    return f"<{_tag(element)}{attributes}>"
