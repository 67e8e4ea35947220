"""The pictures of reference pages in docs/images/reference: `python -m docs.generate.screenshots`.

Needs node, Chromium and a Chinese font; `make peers` installs them.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Final

from docs.generate.pages import DOCS
from tests.browser.chromium import Chromium, missing

from ringway.aio.sockets import bind_stream
from ringway.transport.flow import Address
from ringway.web.serving import WebServer

FOLDER: Final = DOCS / "images" / "reference"
_DESKTOP: Final[dict[str, object]] = {"viewport": {"width": 1280, "height": 900}}
_PHONE: Final[dict[str, object]] = {"viewport": {"width": 390, "height": 844}, "isMobile": True}
_SIZES: Final = {"desktop": _DESKTOP, "phone": _PHONE}
_PAGES: Final = ("en/302-vs-430", "zh/302-vs-430", "en/430")
_MORE: Final = (("en/index", "desktop", "light"), ("en/guide", "desktop", "light"))


def pictures() -> list[tuple[str, str, str]]:
    """Return each picture as page, size and colour scheme."""
    every = [
        (page, size, scheme) for page in _PAGES for size in _SIZES for scheme in ("light", "dark")
    ]
    return [*every, *_MORE]


async def take() -> None:
    """Take every picture, from a server of our own."""
    async with WebServer(bind_stream(Address("127.0.0.1", 0))) as web:
        with Chromium() as browser:
            for page, size, scheme in pictures():
                name = f"{page.replace('/', '-')}-{size}-{scheme}.png"
                await asyncio.to_thread(
                    browser.run,
                    "shot",
                    f"{web.url}{page}.html",
                    {**_SIZES[size], "colorScheme": scheme},
                    path=str(FOLDER / name),
                )


if __name__ == "__main__":
    if why := missing():
        sys.exit(why)
    FOLDER.mkdir(parents=True, exist_ok=True)
    asyncio.run(take())
