"""What every SIP response means, in one table that the engine runs on.

Find the line to change:

- a code: `rows_1xx.py` to `rows_6xx.py`, one file for each class
- what holds for a whole class, or whatever comes back: `defaults.py`
- the words for effects and circumstances, and the order of the best response: `effect.py`
- which status a timer or a broken connection counts as: `without_response.py`
- what people read about a code: `data/en/430.toml`, `data/zh/430.toml`, by `text.py`
- further facts, the same in every language: `data/facts/430.toml`, by `facts.py`
- the questions that the engine asks: `table.py`
"""

from ringway.codes.effect import (
    Cache,
    Circumstance,
    Code,
    Effect,
    Rank,
    Role,
    Rule,
    Sender,
    Source,
    Toward,
    Translation,
)
from ringway.codes.facts import Facts, facts
from ringway.codes.table import (
    TABLE,
    effects,
    explain,
    forwarded_as,
    lookup,
    own_answer,
    rank,
    translation,
)
from ringway.codes.text import Fix, Language, Outlook, Text, text
from ringway.codes.without_response import CANCELLED, synthetic

__all__ = [
    "CANCELLED",
    "TABLE",
    "Cache",
    "Circumstance",
    "Code",
    "Effect",
    "Facts",
    "Fix",
    "Language",
    "Outlook",
    "Rank",
    "Role",
    "Rule",
    "Sender",
    "Source",
    "Text",
    "Toward",
    "Translation",
    "effects",
    "explain",
    "facts",
    "forwarded_as",
    "lookup",
    "own_answer",
    "rank",
    "synthetic",
    "text",
    "translation",
]
