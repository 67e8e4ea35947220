"""The place for what people read about a code: what it means, when you see it, how to fix it.

Rows hold what the engine runs on and stay short; the prose is kept here, by status code,
and is joined to the rows when the table is built. A code without an entry has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Prose:
    """What people read about a code; each a few sentences of plain text.

    Attributes:
        means: What it means.
        seen_when: When you see it.
        fix: How to fix it.
    """

    means: str
    seen_when: str
    fix: str


PROSE: Final[Mapping[int, Prose]] = MappingProxyType({})
