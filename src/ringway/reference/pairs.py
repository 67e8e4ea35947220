"""What is written by hand about pairs of codes that people mix up.

One file for each pair and language, `data/en/pairs/302-430.toml`, the lower code first.
It serves both orders, so its texts must not say "the first" or "the former". A pair
without a file is compared from what each code's own text says.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ringway.codes import Language
from ringway.data_files import read_data


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What is written about a pair of codes.

    Attributes:
        summary: What tells them apart, a paragraph.
        differences: The differences worth a sentence, most telling first.
        choose: When to use which, a sentence or paragraph to an entry.
    """

    summary: str
    differences: tuple[str, ...]
    choose: tuple[str, ...]


@cache
def written_pairs(language: Language) -> frozenset[tuple[int, int]]:
    """Return the pairs that are written about, the lower code first."""
    folder = files("ringway.reference").joinpath("data", language, "pairs")
    names = (each.name for each in folder.iterdir() if each.name.endswith(".toml"))
    return frozenset(
        (int(low), int(high))
        for low, high in (name.removesuffix(".toml").split("-") for name in names)
    )


@cache
def pair(first: int, second: int, language: Language) -> Pair | None:
    """Return what is written about two codes in either order; None if nothing is.

    Args:
        first: A status code.
        second: Another one.
        language: The language to read it in.

    Raises:
        ValueError: if its file does not fit `Pair`.
    """
    low, high = sorted((first, second))
    if (low, high) not in written_pairs(language):
        return None
    return read_data(Pair, "ringway.reference", f"{language}/pairs/{low}-{high}.toml")
