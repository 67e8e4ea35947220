"""5xx: server failure (RFC 3261 §21.5)."""

from functools import partial
from typing import Final

from ringway.codes.effect import Code, Rank, Rule, Sender, Toward, Translation
from ringway.codes.words import (
    AGENTS,
    ANYONE,
    CALLER,
    EDGE,
    FORWARD,
    GIVE_UP,
    NEXT_FLOW,
    NEXT_SERVER,
    OWN_EDGE,
    PROXY,
    RECEIVED,
    REGISTER,
    RETRY_AFTER,
    TRANSPORT,
    changed,
    later,
)

_row = partial(Code, rank=Rank.ANSWER_5XX, may_be_sent_by=ANYONE)

ROWS: Final = (
    _row(
        500,
        "Server Internal Error",
        "RFC 3261",
        "21.5.1",
        rules=(later("After its Retry-After, or after several seconds (RFC 3261 §21.5.1)."),),
    ),
    _row(501, "Not Implemented", "RFC 3261", "21.5.2"),
    _row(502, "Bad Gateway", "RFC 3261", "21.5.3"),
    # Also what a transport error counts as (§8.1.3.1, §16.9), which is why it has most rules.
    _row(
        503,
        "Service Unavailable",
        "RFC 3261",
        "21.5.4",
        rank=Rank.PATH_BROKEN,
        rules=(
            Rule(
                (NEXT_FLOW, FORWARD),
                "Our own edge sheds load or drains: the phone has not spoken, so its next flow "
                "is tried and its binding kept (RFC 5626 §7).",
                roles=PROXY,
                sources=OWN_EDGE,
            ),
            Rule(
                (NEXT_SERVER, FORWARD),
                "The server is out of service, try the next; if the instance itself spoke, no "
                "other flow of it (RFC 3263 §4.3, RFC 5626 §7).",
                roles=PROXY,
                sources=RECEIVED,
            ),
            Rule(
                (NEXT_SERVER, NEXT_FLOW, FORWARD),
                "It could not be sent, so nobody has had it: the next server, then the next "
                "flow of the instance (RFC 3263 §4.3, RFC 5626 §7).",
                roles=PROXY,
                sources=TRANSPORT,
            ),
            Rule(
                (FORWARD,),
                "The flow of the token is gone; who chose it chooses another (RFC 5626 §5.3.1).",
                roles=EDGE,
                sources=TRANSPORT,
            ),
            Rule(
                (NEXT_SERVER, RETRY_AFTER, GIVE_UP),
                "The next server, then after Retry-After or the back-off; a flow that still "
                "answers keep-alives stays (RFC 5626 §4.2.2, §4.5).",
                roles=CALLER,
                methods=REGISTER,
            ),
            Rule(
                (NEXT_SERVER, NEXT_FLOW, GIVE_UP),
                "It could not be sent: the next server, then another of our flows "
                "(RFC 3263 §4.3, RFC 5626 §4.3).",
                roles=CALLER,
                in_dialog=False,
                sources=TRANSPORT,
            ),
            Rule(
                (NEXT_SERVER, NEXT_FLOW, GIVE_UP),
                "It could not be sent: the next server, or once more when the dialog's flow has "
                "been replaced, with the same route set (RFC 3263 §4.3, RFC 5626 §4.5, "
                "RFC 3261 §12.2).",
                roles=CALLER,
                in_dialog=True,
                sources=TRANSPORT,
            ),
            Rule(
                (NEXT_SERVER, NEXT_FLOW, RETRY_AFTER, GIVE_UP),
                "The next server, over another of our flows where those lead to it; this one not "
                "before its Retry-After (RFC 3261 §21.5.4, RFC 5626 §4.3).",
                roles=CALLER,
                in_dialog=False,
            ),
            Rule(
                (NEXT_SERVER, RETRY_AFTER, GIVE_UP),
                "The next server; this one not before its Retry-After (RFC 3261 §21.5.4).",
                roles=CALLER,
            ),
        ),
        translations=(
            Translation(
                430,
                "Nothing can be sent over the flow of the token: it is gone (RFC 5626 §5.3.1).",
                toward=Toward.PROXY,
                roles=EDGE,
                sources=TRANSPORT,
            ),
            Translation(
                480,
                "As the 430 it would be, which user agents never see (RFC 5626 §11.5).",
                toward=Toward.AGENT,
                roles=EDGE,
                sources=TRANSPORT,
            ),
            Translation(
                480,
                "No way to the user is left, for now (RFC 3261 §21.4.18).",
                sources=TRANSPORT,
                authoritative=True,
            ),
            Translation(
                500,
                "503 would say that we can serve no request at all (RFC 3261 §16.7 step 6).",
            ),
        ),
    ),
    _row(504, "Server Time-out", "RFC 3261", "21.5.5"),
    _row(505, "Version Not Supported", "RFC 3261", "21.5.6"),
    _row(513, "Message Too Large", "RFC 3261", "21.5.7"),
    # Only to a REGISTER.
    _row(
        555,
        "Push Notification Service Not Supported",
        "RFC 8599",
        "8.1",
        may_be_sent_by=frozenset({Sender.PROXY, Sender.EDGE, Sender.REGISTRAR}),
        rules=(
            changed("Register without push, or with another service (RFC 8599 §4.1.5).", REGISTER),
        ),
    ),
    # Should carry a session description that shows which precondition failed.
    _row(580, "Precondition Failure", "RFC 3312", "8", may_be_sent_by=AGENTS),
)
