"""From a symptom to a fix, by a few questions: `data/en/guide.toml`, `data/zh/guide.toml`."""

from dataclasses import dataclass
from functools import cache

from ringway.codes import Language
from ringway.data_files import read_data
from ringway.reference.views import Guide


@dataclass(frozen=True, slots=True)
class _Guides:
    """A file of guides."""

    guides: tuple[Guide, ...]


@cache
def guides(language: Language) -> tuple[Guide, ...]:
    """Return the guides; in every language the same ones, with the same questions.

    Raises:
        ValueError: if the file does not fit `Guide`.
    """
    return read_data(_Guides, "ringway.reference", f"{language}/guide.toml").guides
