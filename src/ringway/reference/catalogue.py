"""`ringway.codes`: the reference in Python.

A code is an entry of a mapping; what it says in a language is read when it is asked for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ringway.codes import TABLE, Code, Language, lookup
from ringway.reference.compare import compare
from ringway.reference.page import code_page, row_of
from ringway.reference.search import search
from ringway.reference.views import CodePage, Comparison


@dataclass(frozen=True, slots=True)
class Entry:
    """One code of the reference.

    Attributes:
        row: Its row of the table, which the engine runs on.
    """

    row: Code

    @property
    def status(self) -> int:
        """The status code."""
        return self.row.status

    @property
    def phrase(self) -> str:
        """The reason phrase."""
        return self.row.phrase

    def page(self, language: str = "en") -> CodePage:
        """Return everything about it.

        Args:
            language: "en" or "zh".

        Raises:
            ValueError: if there is no such language.
        """
        return code_page(self.status, Language(language))

    def compare(self, other: int, language: str = "en") -> Comparison:
        """Return it side by side with another code.

        Args:
            other: The other status code.
            language: "en" or "zh".

        Raises:
            ValueError: if there is no such code or language, or it is this very code.
        """
        return compare(self.status, other, Language(language))

    def __str__(self) -> str:
        return f"{self.status} {self.phrase}"


class Codes(Mapping[int, Entry]):
    """Every response code that IANA has registered, by status code.

    `codes[430]` raises KeyError for a code that is not registered; `read_as(499)` says
    which registered one a user agent takes it for.
    """

    def __getitem__(self, status: int) -> Entry:
        return _ENTRIES[status]

    def __iter__(self) -> Iterator[int]:
        return iter(_ENTRIES)

    def __len__(self) -> int:
        return len(_ENTRIES)

    def read_as(self, status: int) -> Entry:
        """Return the code that an unknown one is read as (RFC 3261 §8.1.3.2).

        Args:
            status: Any status code, 100 to 699.

        Raises:
            ValueError: if it is of no class.
        """
        return _ENTRIES[lookup(status).status]

    def search(self, query: str, limit: int = 10) -> tuple[Entry, ...]:
        """Return the codes that fit a query best, the best first.

        Args:
            query: A number, words in English or Chinese, a header, an RFC, a symptom.
            limit: How many to return at most.
        """
        return tuple(_ENTRIES[hit.brief.status] for hit in search(query, limit=limit))


_ENTRIES: Final = {status: Entry(row_of(status)) for status in TABLE}

codes: Final = Codes()
