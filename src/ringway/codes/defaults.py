"""What holds for every code, or for every code of a class.

`FIRST` comes before a code's own rules: some requests allow nothing, whatever comes
back. `LAST` comes after them, by class, and always holds, so every status has effects
in every circumstance.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ringway.codes.effect import Role, Rule
from ringway.codes.words import FORWARD, GIVE_UP, NEXT_FLOW, PROXY, TRANSPORT

FIRST: Final[tuple[Rule, ...]] = (
    Rule(
        (NEXT_FLOW, GIVE_UP),
        "An ACK to a 2xx that could not be sent takes another flow: nobody will answer it "
        "(RFC 3261 §13.2.2.4).",
        roles=PROXY,
        methods=frozenset({"ACK"}),
        sources=TRANSPORT,
    ),
    Rule(
        (GIVE_UP,),
        "An ACK has no response; its INVITE has had it (RFC 3261 §17.1.1.3).",
        methods=frozenset({"ACK"}),
    ),
    Rule(
        (GIVE_UP,),
        "The answer to a CANCEL is for the hop that sent it; it goes to the server of its "
        "INVITE only, and is not challenged (RFC 3261 §9.1, §16.7 step 3, §22.1, RFC 3263 §4.4).",
        methods=frozenset({"CANCEL"}),
    ),
)

_PASSING: Final = frozenset({Role.PROXY, Role.EDGE})

_PASS_ON: Final = Rule((FORWARD,), "It is for who sent the request (RFC 3261 §16.7).")
_FAILED: Final = (
    Rule((FORWARD,), "A candidate for the best response (RFC 3261 §16.7).", roles=_PASSING),
    Rule((GIVE_UP,), "The request has failed (RFC 3261 §8.1.3)."),
)

LAST: Final[Mapping[int, tuple[Rule, ...]]] = MappingProxyType(
    {
        1: (_PASS_ON,),
        2: (
            Rule(
                (FORWARD,),
                "Forwarded at once; the other branches are cancelled (RFC 3261 §16.7 steps 5, 10).",
            ),
        ),
        3: _FAILED,
        4: _FAILED,
        5: _FAILED,
        6: (
            Rule(
                (GIVE_UP, FORWARD),
                "Nobody else will answer either: pending branches are cancelled and no new "
                "ones begun, then it is forwarded (RFC 3261 §16.7 step 5).",
                roles=_PASSING,
            ),
            Rule((GIVE_UP,), "It speaks for all devices of the user (RFC 3261 §21.6)."),
        ),
    }
)
