"""1xx: provisional responses (RFC 3261 §21.1)."""

from functools import partial
from typing import Final

from ringway.codes.effect import Code, Rank, Rule, Translation
from ringway.codes.words import AGENTS, AGENTS_AND_PROXIES, ANYONE, FORWARD

# A proxy has no To tag to put into a 101 to 199, so those come from a UAS (§16.7 step 6).
_row = partial(Code, rank=Rank.NOT_FINAL, may_be_sent_by=AGENTS)

ROWS: Final = (
    _row(
        100,
        "Trying",
        "RFC 3261",
        "21.1.1",
        may_be_sent_by=ANYONE,
        rules=(
            Rule(
                (FORWARD,),
                "It ends here: it says that the next hop is alive (RFC 3261 §16.7 step 5).",
            ),
        ),
        translations=(
            Translation(None, "A stateful proxy never forwards it (RFC 3261 §16.7 step 5)."),
        ),
    ),
    _row(180, "Ringing", "RFC 3261", "21.1.2"),
    _row(181, "Call Is Being Forwarded", "RFC 3261", "21.1.3"),
    _row(182, "Queued", "RFC 3261", "21.1.4"),
    _row(183, "Session Progress", "RFC 3261", "21.1.5"),
    # The registration is §11.1; what it means and who sends it is in §4 to §6.
    _row(
        199,
        "Early Dialog Terminated",
        "RFC 6228",
        "5",
        may_be_sent_by=AGENTS_AND_PROXIES,
        must_carry=("Reason",),
    ),
)
