"""2xx: success (RFC 3261 §21.2)."""

from functools import partial
from typing import Final

from ringway.codes.effect import Code, Rank
from ringway.codes.words import AGENTS, AGENTS_AND_REGISTRARS, ANYONE

_row = partial(Code, rank=Rank.SUCCESS, may_be_sent_by=AGENTS)

ROWS: Final = (
    # What it must carry depends on the method, see RFC 3261 table 2.
    _row(200, "OK", "RFC 3261", "21.2.1", may_be_sent_by=ANYONE),
    # Deprecated: read as 200, and no longer sent.
    _row(
        202,
        "Accepted",
        "RFC 6665",
        "8.3.1",
        may_be_sent_by=AGENTS_AND_REGISTRARS,
    ),
    # Only to a SUBSCRIBE within a dialog.
    _row(204, "No Notification", "RFC 5839", "7.1"),
)
