"""Takes pictures of every page of a running service, in light, in dark, and of some as wide as a phone.

The service is a real one in a temporary folder, filled with measurements (some minutes); only its board is simulated.
Needs what the tests need, and a Chromium; with Pillow the pictures for the README become half as large.
"""

import argparse
import io
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from api.app import create_app  # noqa: E402 - of this checkout
from tests.api.browsing import launched  # noqa: E402
from tests.api.every_page import addresses  # noqa: E402
from tests.service.filled import MODEL, QUICK, Filled, fill  # noqa: E402
from tests.service.harness import service  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
NODE, BOARD, ZONE = "gpu-node-1", "simulated:h100-80gb", "Europe/Berlin"
WIDE, PHONE = (1280, 800), (390, 844)
"""Width and height, in pixels."""
LONGEST_NAME = 100
"""Characters of a file's name; addresses may be longer than file systems take."""
MOST_BYTES = 150_000
"""A picture in the README is no larger."""
PUT_TOGETHER = "3g.40gb%404%2B1g.10gb%400"
"""A layout that something can be added to, in an address."""
DONE = {
    r"/compare\?": "#answers tbody tr",
    r"/experiments/[0-9a-f-]{36}": "#experiment-chart .main-svg",
    r"/submit": "[data-equivalent=cli] code:not(:empty)",
}
"""What a page shows at last, by what its address begins with: a regular expression."""


@dataclass(frozen=True, slots=True)
class Taker:
    """Takes pictures of a service with a browser."""

    browser: "Browser"
    url: str

    def take(self, path: str, scheme: Scheme, size: tuple[int, int], begin: str | None = None) -> bytes:
        """Return a page as PNG: the whole of it, or what a window of that size shows from an element on."""
        width, height = size
        page = self.browser.new_page(
            base_url=self.url,
            color_scheme=scheme,
            viewport={"width": width, "height": height},
            timezone_id=ZONE,
            reduced_motion="reduce",
        )
        try:
            page.goto(path)
            wait_until_done(page, path)
            if begin is not None:
                page.locator(begin).evaluate("each => each.scrollIntoView()")
            return page.screenshot(full_page=begin is None)
        finally:
            page.close()


def wait_until_done(page: "Page", path: str) -> None:
    """Wait until all that the page draws and asks for is there."""
    from playwright.sync_api import expect

    for begin, last in DONE.items():
        if re.match(begin, path):
            page.wait_for_selector(last)
    expect(page.locator(".plot[aria-busy=true]:visible")).to_have_count(0, timeout=30_000)


def pictured(filled: Filled) -> dict[str, tuple[str, str]]:
    """Return what the README shows: by the name of the picture an address, and the element that it begins with."""
    return {
        "overview": ("/", "body"),
        "run": (f"/runs/{filled.runs['baseline']}", "body"),
        "layouts": (f"/layouts?gpu={filled.gpu}&layout={PUT_TOGETHER}", "body"),
        "history": (f"/histories/{filled.history}", "body"),
    }


def of_every_page(taker: Taker, filled: Filled, folder: Path, settings: Any) -> Iterator[Path]:  # noqa: ANN401
    """Write pictures of all pages into a folder; yield their files."""
    known = filled.addresses()
    on_phones = {"/sign-in", *(own[0] for own in known.values())} | {"/", "/runs", "/regressions", "/alerts"}
    for path in addresses(create_app(settings), known):
        ways: list[tuple[Scheme, tuple[int, int], str]] = [(scheme, WIDE, scheme) for scheme in SCHEMES]
        if path in on_phones:
            ways.append(("light", PHONE, "phone"))
        for scheme, size, kind in ways:
            file = folder / f"{name_of(path, filled)}.{kind}.png"
            file.write_bytes(taker.take(path, scheme, size))
            yield file


def name_of(path: str, filled: Filled) -> str:
    """Return a file's name for an address: ids by what they stand for."""
    for name, run in filled.runs.items():
        path = path.replace(run, name)
    for name in ("experiment", "schedule", "history", "regression", "gpu"):
        path = path.replace(getattr(filled, name), name)
    return re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-")[:LONGEST_NAME] or "overview"


def for_the_readme(taker: Taker, filled: Filled, folder: Path) -> Iterator[Path]:
    """Write the pictures of the README, small; yield their files."""
    for name, (path, begin) in pictured(filled).items():
        for scheme in SCHEMES:
            file = folder / f"{name}-{scheme}.png"
            content = smaller(taker.take(path, scheme, WIDE, begin))
            if len(content) > MOST_BYTES:
                sys.exit(f"{file} would have {len(content)} bytes, more than {MOST_BYTES}; install Pillow")
            file.write_bytes(content)
            yield file


def smaller(png: bytes) -> bytes:
    """Return the picture with few colours, where Pillow is installed."""
    try:
        from PIL import Image
    except ImportError:
        return png
    reduced = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        reduced, "PNG", optimize=True
    )
    return reduced.getvalue()


def main(arguments: Sequence[str] | None = None) -> None:
    """Start and fill a service, and take its pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="where pictures of every page go")
    parser.add_argument("--readme", action="store_true", help="write the README's pictures into docs/images")
    parser.add_argument("--quick", action="store_true", help="measure less, for a look at the pages alone")
    given = parser.parse_args(arguments)
    if given.folder is None and not given.readme:
        parser.error("name a folder, or give --readme")
    with (
        TemporaryDirectory(prefix="migperf-screenshots-") as data,
        service(Path(data), gpus=BOARD, node_name=NODE) as running,
        launched() as browser,
    ):
        filled = fill(running, QUICK if given.quick else MODEL)
        taker = Taker(browser, running.settings.api_url)
        if given.readme:
            images = ROOT / "docs" / "images"
            images.mkdir(exist_ok=True)
            tell(for_the_readme(taker, filled, images))
        if given.folder is not None:
            given.folder.mkdir(parents=True, exist_ok=True)
            tell(of_every_page(taker, filled, given.folder, running.settings))


def tell(files: Iterator[Path]) -> None:
    """Say what was written, as soon as it was."""
    for file in files:
        print(file, flush=True)


if __name__ == "__main__":
    main()
