"""6xx: global failure (RFC 3261 §21.6).

All rank alike, before every other class, and `defaults.py` says what they do: no new
branches, and the pending ones are cancelled.
"""

from functools import partial
from typing import Final

from ringway.codes.effect import Code, Rank
from ringway.codes.words import AGENTS, AGENTS_AND_PROXIES, ANYONE, PROXIES, later

_row = partial(Code, rank=Rank.GLOBAL_FAILURE, may_be_sent_by=AGENTS_AND_PROXIES)

ROWS: Final = (
    _row(600, "Busy Everywhere", "RFC 3261", "21.6.1", rules=(later(),)),
    _row(603, "Decline", "RFC 3261", "21.6.2", rules=(later(),)),
    _row(604, "Does Not Exist Anywhere", "RFC 3261", "21.6.3", may_be_sent_by=ANYONE),
    _row(606, "Not Acceptable", "RFC 3261", "21.6.4"),
    _row(607, "Unwanted", "RFC 8197", "4", may_be_sent_by=AGENTS),
    # Call-Info may be left out where its contents would be abused.
    _row(608, "Rejected", "RFC 8688", "3.1", may_be_sent_by=PROXIES, must_carry=("Call-Info",)),
)
