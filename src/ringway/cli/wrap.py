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
    for start, end in lines_of(said.plain, width):
        yield said[start:end]


def lines_of(plain: str, width: int) -> Iterator[tuple[int, int]]:
    """Yield where each line of a text begins and ends; the rest as for `wrapped`."""
    start = end = resume = 0
    length = len if plain.isascii() else cell_len
    for stop, after in _places(plain):
        if end > start and length(plain[start:stop]) > width:
            yield start, end
            start = resume
        end, resume = stop, after
    yield start, len(plain)


def _places(plain: str) -> Iterator[tuple[int, int]]:
    """Yield where a line may end, and where the next one would begin."""
    for match in _PLACE.finditer(plain):
        if match.start() > 0:
            yield match.span()
    yield len(plain), len(plain)
