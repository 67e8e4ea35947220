"""The pictures in docs/images/explain: `python -m docs.generate.screenshots_explain`.

They are of captures in tests/captures, explained and opened as somebody does who was sent the page.
Needs node, Chromium and a Chinese font; `make peers` installs them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from docs.generate.pages import DOCS
from tests.browser.chromium import Chromium, missing
from tests.captures.kept import HERE, write_page

from ringway.codes import Language

FOLDER: Final = DOCS / "images" / "explain"
_DESKTOP: Final[dict[str, object]] = {"viewport": {"width": 1120, "height": 680}}
_SMALLER: Final[dict[str, object]] = {"viewport": {"width": 1000, "height": 520}}
_PHONE: Final[dict[str, object]] = {"viewport": {"width": 390, "height": 844}, "isMobile": True}
_INSIDE: Final = "details.talk[open]"
_LADDER: Final = f"{_INSIDE} .ladder"


class Picture(NamedTuple):
    """One picture.

    Attributes:
        name: of its file.
        capture: of tests/captures.
        open: what stands in the last conversation that is opened; empty for none.
        arrow: what stands at the arrow that is opened; empty for none.
        to: what is scrolled to, as a selector; empty for the top.
        options: of the browser.
        language: of the page.
    """

    name: str
    capture: str
    open: str = ""
    arrow: str = ""
    to: str = ""
    options: dict[str, object] = _DESKTOP
    language: Language = Language.EN


PICTURES: Final = (
    Picture("findings", "430-reaches-caller", "It failed", to=_INSIDE, options=_SMALLER),
    Picture("ladder", "flow-lost-next-flow", "calls", to=_LADDER),
    Picture("message", "flow-lost-next-flow", "calls", "430", _LADDER),
    Picture(
        "ladder-dark",
        "forked-to-one-phone",
        "calls",
        to=_LADDER,
        options={**_DESKTOP, "colorScheme": "dark"},
    ),
    Picture("phone", "430-reaches-caller", "It failed", to=_INSIDE, options=_PHONE),
    Picture(
        "zh",
        "flow-silent-next-flow",
        "呼叫",
        to=_INSIDE,
        options=_SMALLER,
        language=Language.ZH,
    ),
)


def page(picture: Picture, folder: Path) -> Path:
    """Return the page of a picture's capture."""
    path = folder / f"{picture.name}.html"
    with path.open("w", encoding="utf-8") as out:
        write_page(HERE / f"{picture.capture}.pcapng", out, picture.language)
    return path


def take(folder: Path) -> None:
    """Take every picture."""
    with TemporaryDirectory() as pages, Chromium() as browser:
        for each in PICTURES:
            fits = browser.run(
                "observed",
                page(each, Path(pages)).as_uri(),
                each.options,
                path=str(folder / f"{each.name}.png"),
                open=each.open,
                arrow=each.arrow,
                to=each.to,
            )
            if not fits:
                raise RuntimeError(f"{each.name} is wider than the window")


if __name__ == "__main__":
    if why := missing():
        sys.exit(why)
    FOLDER.mkdir(parents=True, exist_ok=True)
    take(FOLDER)
