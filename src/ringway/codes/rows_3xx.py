"""3xx: redirection (RFC 3261 §21.3)."""

from functools import partial
from typing import Final

from ringway.codes.effect import Cache, Code, Rank, Rule
from ringway.codes.words import (
    AGENTS,
    CALLER,
    FORWARD,
    GIVE_UP,
    PROXY,
    RECURSE,
    REDIRECTORS,
    REGISTER,
    WIRE,
)

_FOLLOW: Final = (
    Rule(
        (FORWARD,),
        "Where to register is for the one who registers (RFC 3261 §16.5).",
        roles=PROXY,
        methods=REGISTER,
    ),
    Rule(
        (RECURSE, FORWARD),
        "The Contacts join the target set, each at most once; what is not tried goes upstream "
        "(RFC 3261 §16.5, §16.7 step 4).",
        roles=PROXY,
        in_dialog=False,
        sources=WIRE,
    ),
    Rule(
        (FORWARD,),
        "The Request-URI of a dialog is not ours, so it gets no targets from us (RFC 3261 §16.5).",
        roles=PROXY,
        in_dialog=True,
    ),
    Rule(
        (RECURSE, GIVE_UP),
        "Try the Contacts by q, each at most once; within a dialog the route set stays "
        "(RFC 3261 §8.1.3.4, §12.2.1.2).",
        roles=CALLER,
        sources=WIRE,
    ),
)

_row = partial(Code, rank=Rank.REDIRECTION, may_be_sent_by=REDIRECTORS)

ROWS: Final = (
    _row(
        300,
        "Multiple Choices",
        "RFC 3261",
        "21.3.1",
        should_carry=("Contact",),
        rules=_FOLLOW,
    ),
    _row(
        301,
        "Moved Permanently",
        "RFC 3261",
        "21.3.2",
        should_carry=("Contact",),
        cacheable=Cache.PERMANENT,
        rules=_FOLLOW,
    ),
    _row(
        302,
        "Moved Temporarily",
        "RFC 3261",
        "21.3.3",
        should_carry=("Contact",),
        cacheable=Cache.WITH_EXPIRY,
        rules=_FOLLOW,
    ),
    _row(
        305,
        "Use Proxy",
        "RFC 3261",
        "21.3.4",
        may_be_sent_by=AGENTS,
        should_carry=("Contact",),
        contact_is_proxy=True,
        rules=_FOLLOW,
    ),
    _row(
        380,
        "Alternative Service",
        "RFC 3261",
        "21.3.5",
        rules=(
            Rule(
                (FORWARD,),
                "The alternatives are in the body, for a person: no recursion (RFC 3261 §21.3.5).",
                roles=PROXY,
            ),
        ),
    ),
)
