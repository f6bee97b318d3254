"""What axe-core finds on a page that a browser shows. The browser's debugger brings it in, past the page's policy."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

GRAVE = {"serious", "critical"}
SCHEMES = ("light", "dark")
OF_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
"""The rules whose answers depend on the scheme."""
DRAWN = """scheme => [...document.querySelectorAll(".plot")].every(
    plot => !plot.checkVisibility() || (plot.ariaBusy !== "true" && (plot.dataset.drawn ?? scheme) === scheme))"""
"""That each chart is there in the scheme, or says why it is not."""


def grave_faults(page: "Page") -> list[str]:
    """Return what stands in the way of people, one line for each element, in both schemes of colours."""
    from axe_playwright_python.sync_playwright import Axe

    axe, found = Axe(), []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(DRAWN, arg=scheme)
        options: dict[str, Any] = {"resultTypes": ["violations"]} | (OF_COLOURS if scheme == "dark" else {})
        violations = axe.run(page, options=options).response["violations"]
        found += [
            f"{scheme}: {violation['id']} ({violation['impact']}): {node['html'][:200]}: {node['failureSummary']}"
            for violation in violations
            if violation["impact"] in GRAVE
            for node in violation["nodes"]
        ]
    return found
