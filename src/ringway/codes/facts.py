"""What is the same in every language: the facts about a code that the engine does not need.

One file for each code, `data/facts/430.toml`, read when somebody asks. What the engine
runs on stands in the rows instead, and is not repeated there.
"""

from dataclasses import dataclass
from functools import cache

from ringway.data_files import read_data

ANY_METHOD = "*"
"""Stands in `Facts.methods` for every method but ACK."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Facts about one code.

    Attributes:
        methods: The methods it answers; ("*",) is every method but ACK.
        sections: Further sections to read, as "RFC 5626 §7"; the row has the first.
        may_carry: Header fields worth a look besides those that the row asks for.
        related: Codes that it is easily mistaken for, or that come before or after it.
        acts: Who has to act on it: "caller", "proxy", "callee", "operator", or none.
        example: A response with this code, a header field to a line.
        decides: The line of the example to look at.
        http: The nearest HTTP status code; 0 where HTTP has nothing like it.
    """

    methods: tuple[str, ...]
    sections: tuple[str, ...]
    may_carry: tuple[str, ...]
    related: tuple[int, ...]
    acts: tuple[str, ...]
    example: str
    decides: str
    http: int = 0


@cache
def facts(status: int) -> Facts:
    """Return the facts about a code.

    Args:
        status: A status code of the table.

    Raises:
        FileNotFoundError: if the table has no such code.
        ValueError: if its file does not fit `Facts`.
    """
    return read_data(Facts, "ringway.codes", f"facts/{status}.toml")
