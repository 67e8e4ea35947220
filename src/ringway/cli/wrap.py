"""Breaks styled text into lines, Chinese included.

Rich breaks at spaces only, and Chinese has none: there a line may end after any
character, but not before a closing mark nor after an opening one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rich.cells import cell_len
from rich.text import Text

_OPENING: Final = "（“‘《「["
_CLOSING: Final = "，。；：！？、）”’》」…—]"
_WIDE: Final = r"\u3000-\u303f\u4e00-\u9fff\uff00-\uffef“”‘’…—"
# A space, or a place beside a wide character where a line may end.
_PLACE: Final = re.compile(
    rf" +|(?<=[{_WIDE}])(?<![{re.escape(_OPENING)}])(?![{re.escape(_CLOSING)} ])"
    rf"|(?<=[^\s{re.escape(_OPENING)}])(?=[{_WIDE}])(?![{re.escape(_CLOSING)}])"
)


def wrapped(said: Text, width: int) -> Iterator[Text]:
    """Yield the lines of a text.

    Args:
        said: the text, without line breaks.
        width: the cells that a line may have; a word that is longer sticks out.
    """
    start = end = resume = 0
    plain = said.plain
    for stop, after in _places(plain):
        if end > start and cell_len(plain[start:stop]) > width:
            yield said[start:end]
            start = resume
        end, resume = stop, after
    yield said[start:]


def _places(plain: str) -> Iterator[tuple[int, int]]:
    """Yield where a line may end, and where the next one would begin."""
    for match in _PLACE.finditer(plain):
        if match.start() > 0:
            yield match.span()
    yield len(plain), len(plain)
