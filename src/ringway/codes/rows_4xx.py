"""4xx: request failure (RFC 3261 §21.4)."""

from functools import partial
from typing import Final

from ringway.codes.effect import Code, Rank, Role, Rule, Sender, Toward, Translation
from ringway.codes.words import (
    AGENTS,
    AGENTS_AND_PROXIES,
    AGENTS_AND_REGISTRARS,
    ANSWER_CHALLENGE,
    ANYONE,
    CALLER,
    END_DIALOG,
    FORWARD,
    GIVE_UP,
    INVALIDATE_BINDING,
    NEXT_FLOW,
    NEXT_SERVER,
    PROXIES,
    PROXY,
    REGISTER,
    REGISTRAR,
    RETRY_AFTER,
    RETRY_CHANGED,
    TIMER,
    WIRE,
    changed,
    later,
)

_CHALLENGES: Final = ("WWW-Authenticate", "Proxy-Authenticate")
_ANSWER: Final = (
    Rule(
        (ANSWER_CHALLENGE, GIVE_UP),
        "Send it again with credentials, CSeq one higher; once per nonce (RFC 3261 §22.2, §22.3).",
        roles=CALLER,
    ),
)

_row = partial(Code, rank=Rank.ANSWER_4XX, may_be_sent_by=ANYONE)

ROWS: Final = (
    _row(400, "Bad Request", "RFC 3261", "21.4.1"),
    _row(
        401,
        "Unauthorized",
        "RFC 3261",
        "21.4.2",
        rank=Rank.CHALLENGE,
        may_be_sent_by=AGENTS_AND_REGISTRARS,
        must_carry=("WWW-Authenticate",),
        aggregates=_CHALLENGES,
        rules=_ANSWER,
    ),
    _row(402, "Payment Required", "RFC 3261", "21.4.3"),
    _row(403, "Forbidden", "RFC 3261", "21.4.4"),
    _row(404, "Not Found", "RFC 3261", "21.4.5", rules=(later(),)),
    _row(
        405,
        "Method Not Allowed",
        "RFC 3261",
        "21.4.6",
        may_be_sent_by=AGENTS_AND_REGISTRARS,
        must_carry=("Allow",),
    ),
    _row(406, "Not Acceptable", "RFC 3261", "21.4.7", may_be_sent_by=AGENTS_AND_REGISTRARS),
    _row(
        407,
        "Proxy Authentication Required",
        "RFC 3261",
        "21.4.8",
        rank=Rank.CHALLENGE,
        may_be_sent_by=PROXIES,
        must_carry=("Proxy-Authenticate",),
        aggregates=_CHALLENGES,
        rules=_ANSWER,
    ),
    # Also what silence counts as (§8.1.3.1, §16.7 step 6, §16.8).
    _row(
        408,
        "Request Timeout",
        "RFC 3261",
        "21.4.9",
        rank=Rank.PATH_SILENT,
        rules=(
            Rule(
                (NEXT_FLOW, NEXT_SERVER, FORWARD),
                "Nothing came back at all: the next flow of the instance, then the next server; "
                "a silent flow keeps its binding (RFC 5626 §7, RFC 3263 §4.3).",
                roles=PROXY,
                sources=TIMER,
            ),
            Rule(
                (NEXT_FLOW, FORWARD),
                "Somebody behind waited in vain, so the instance has not answered: its next "
                "flow, and its binding stays (RFC 5626 §7).",
                roles=PROXY,
                sources=WIRE,
            ),
            Rule(
                (NEXT_SERVER, RETRY_AFTER, GIVE_UP),
                "The next server, then after the back-off (RFC 3263 §4.3, RFC 5626 §4.5).",
                roles=CALLER,
                methods=REGISTER,
            ),
            Rule(
                (NEXT_SERVER, GIVE_UP),
                "Nothing came back at all: the next server (RFC 3263 §4.3).",
                roles=CALLER,
                in_dialog=False,
                sources=TIMER,
            ),
            Rule(
                (NEXT_SERVER, END_DIALOG),
                "Nothing came back at all: the next server; without one the dialog ends "
                "(RFC 3263 §4.3, RFC 3261 §12.2.1.2).",
                roles=CALLER,
                in_dialog=True,
                sources=TIMER,
            ),
            Rule(
                (END_DIALOG,),
                "The dialog ends with it (RFC 3261 §12.2.1.2).",
                roles=CALLER,
                in_dialog=True,
            ),
        ),
        translations=(
            Translation(
                None,
                "Too late to be of use, so nothing is sent to a non-INVITE (RFC 4320 §4.2).",
                invite=False,
            ),
        ),
    ),
    _row(410, "Gone", "RFC 3261", "21.4.10"),
    _row(
        412,
        "Conditional Request Failed",
        "RFC 3903",
        "11.2.1",
        may_be_sent_by=AGENTS,
        rules=(changed("Publish anew, without SIP-If-Match (RFC 3903 §5)."),),
    ),
    _row(
        413,
        "Request Entity Too Large",
        "RFC 3261",
        "21.4.11",
        rules=(
            Rule(
                (RETRY_CHANGED, RETRY_AFTER, GIVE_UP),
                "With a shorter body or none, or after its Retry-After (RFC 3261 §8.1.3.5).",
                roles=CALLER,
            ),
        ),
    ),
    _row(414, "Request-URI Too Long", "RFC 3261", "21.4.12"),
    _row(
        415,
        "Unsupported Media Type",
        "RFC 3261",
        "21.4.13",
        rank=Rank.RESUBMIT,
        may_be_sent_by=AGENTS_AND_REGISTRARS,
        must_carry_one_of=("Accept", "Accept-Encoding", "Accept-Language"),
        rules=(changed("With types, encodings and languages that it lists (RFC 3261 §8.1.3.5)."),),
    ),
    # A proxy would retry with a SIP URI had it changed the scheme itself (§16.7 step 4); it
    # never does.
    _row(
        416,
        "Unsupported URI Scheme",
        "RFC 3261",
        "21.4.14",
        rules=(changed("With a SIP URI (RFC 3261 §8.1.3.5)."),),
    ),
    _row(
        417,
        "Unknown Resource-Priority",
        "RFC 4412",
        "4.6.2",
        rules=(changed("With a value of Accept-Resource-Priority (RFC 4412 §4.7.1)."),),
    ),
    _row(
        420,
        "Bad Extension",
        "RFC 3261",
        "21.4.15",
        rank=Rank.RESUBMIT,
        must_carry=("Unsupported",),
        rules=(changed("Without the extensions in Unsupported (RFC 3261 §8.1.3.5)."),),
    ),
    _row(
        421,
        "Extension Required",
        "RFC 3261",
        "21.4.16",
        must_carry=("Require",),
        rules=(changed("With the extensions in Require, if we have them (RFC 3261 §8.2.4)."),),
    ),
    _row(
        422,
        "Session Interval Too Small",
        "RFC 4028",
        "6",
        may_be_sent_by=AGENTS_AND_PROXIES,
        must_carry=("Min-SE",),
        rules=(changed("With at least its Min-SE as session interval (RFC 4028 §7.3)."),),
    ),
    _row(
        423,
        "Interval Too Brief",
        "RFC 3261",
        "21.4.17",
        must_carry=("Min-Expires",),
        rules=(changed("With at least its Min-Expires as expiry (RFC 3261 §10.2.8)."),),
    ),
    _row(
        424,
        "Bad Location Information",
        "RFC 6442",
        "4.3",
        may_be_sent_by=AGENTS_AND_PROXIES,
        must_carry=("Geolocation-Error",),
        rules=(changed("With a better location, perhaps the one in it (RFC 6442 §4.3)."),),
    ),
    _row(
        425,
        "Bad Alert Message",
        "RFC 8876",
        "5.1",
        may_be_sent_by=AGENTS_AND_PROXIES,
        must_carry=("AlertMsg-Error",),
    ),
    _row(
        428,
        "Use Identity Header",
        "RFC 8224",
        "6.2.2",
        may_be_sent_by=AGENTS_AND_PROXIES,
        rules=(changed("With an Identity header field (RFC 8224 §6.2.2)."),),
    ),
    _row(
        429,
        "Provide Referrer Identity",
        "RFC 3892",
        "5",
        may_be_sent_by=AGENTS,
        rules=(
            Rule(
                (GIVE_UP,),
                "Only the referrer can make the token; it learns of this by NOTIFY (RFC 3892 §5).",
                roles=CALLER,
            ),
        ),
    ),
    _row(
        430,
        "Flow Failed",
        "RFC 5626",
        "11.5",
        rank=Rank.PATH_GONE,
        may_be_sent_by=frozenset({Sender.EDGE}),
        rules=(
            Rule(
                (INVALIDATE_BINDING, NEXT_FLOW, FORWARD),
                "The flow is gone, not the phone: its binding goes, and another flow of the "
                "same instance is tried (RFC 5626 §7).",
                roles=PROXY,
                in_dialog=False,
                sources=WIRE,
            ),
            Rule(
                (NEXT_FLOW, FORWARD),
                "The call outlives its flow: a live flow of the same AOR and instance is tried "
                "(RFC 5626 §7).",
                roles=PROXY,
                in_dialog=True,
                sources=WIRE,
            ),
            Rule(
                (INVALIDATE_BINDING, GIVE_UP),
                "The flow that was probed is gone (RFC 5626 §7).",
                roles=REGISTRAR,
            ),
            Rule(
                (GIVE_UP,),
                "Endpoints should never see it; read as 400 (RFC 5626 §11.5).",
                roles=CALLER,
                methods=REGISTER,
            ),
            Rule(
                (NEXT_FLOW, GIVE_UP),
                "An edge has lost the flow, so nobody has had the request: another of our flows; "
                "without one it is read as 400 (RFC 5626 §4.3, §11.5).",
                roles=CALLER,
                in_dialog=False,
            ),
            Rule(
                (NEXT_FLOW, GIVE_UP),
                "The dialog's own flow is gone: once more when it has been replaced, with the "
                "same route set (RFC 5626 §4.5, RFC 3261 §12.2).",
                roles=CALLER,
                in_dialog=True,
            ),
        ),
        translations=(
            Translation(
                480,
                "All flows of the target set are gone: the user is not reachable now "
                "(RFC 5626 §11.5, RFC 3261 §21.4.18).",
                authoritative=True,
            ),
            Translation(
                480,
                "Endpoints should never receive a 430 (RFC 5626 §11.5).",
                toward=Toward.AGENT,
            ),
        ),
    ),
    _row(
        433,
        "Anonymity Disallowed",
        "RFC 5079",
        "5",
        rules=(
            Rule(
                (GIVE_UP,),
                "Not again under one's name unless the user says so (RFC 5079 §4).",
                roles=CALLER,
            ),
        ),
    ),
    _row(
        436,
        "Bad Identity Info",
        "RFC 8224",
        "6.2.2",
        may_be_sent_by=AGENTS_AND_PROXIES,
        rules=(changed("With an info parameter that can be fetched (RFC 8224 §6.2.2)."),),
    ),
    _row(
        437,
        "Unsupported Credential",
        "RFC 8224",
        "6.2.2",
        may_be_sent_by=AGENTS_AND_PROXIES,
    ),
    _row(
        438,
        "Invalid Identity Header",
        "RFC 8224",
        "6.2.2",
        may_be_sent_by=AGENTS_AND_PROXIES,
        rules=(changed("Once, with the full form of the PASSporT (RFC 8224 §6.1.1)."),),
    ),
    _row(
        439,
        "First Hop Lacks Outbound Support",
        "RFC 5626",
        "11.6",
        may_be_sent_by=frozenset({Sender.REGISTRAR}),
        rules=(
            Rule(
                (RETRY_CHANGED, NEXT_SERVER, GIVE_UP),
                "Register without outbound, or through another outbound proxy (RFC 5626 §4.2.1).",
                roles=CALLER,
                methods=REGISTER,
            ),
        ),
    ),
    _row(
        440,
        "Max-Breadth Exceeded",
        "RFC 5393",
        "5.3.3",
        rank=Rank.PATH_LOOPED,
        may_be_sent_by=PROXIES,
    ),
    _row(
        469,
        "Bad Info Package",
        "RFC 6086",
        "4.2.2",
        may_be_sent_by=AGENTS,
        must_carry=("Recv-Info",),
    ),
    _row(
        470,
        "Consent Needed",
        "RFC 5360",
        "5.9.2",
        may_be_sent_by=AGENTS,
        should_carry=("Permission-Missing",),
    ),
    _row(480, "Temporarily Unavailable", "RFC 3261", "21.4.18", rules=(later(),)),
    _row(
        481,
        "Call/Transaction Does Not Exist",
        "RFC 3261",
        "21.4.19",
        may_be_sent_by=AGENTS_AND_PROXIES,
        rules=(
            Rule(
                (END_DIALOG,),
                "The call or subscription that the request belonged to ends with it "
                "(RFC 3261 §12.2.1.2, RFC 5057 §5.1).",
                roles=CALLER,
                in_dialog=True,
            ),
        ),
    ),
    # From the later of two flows of an instance it is never final: the phone has the first
    # copy and answers that, so `means_duplicate` sends the engine back to wait for it.
    _row(
        482,
        "Loop Detected",
        "RFC 3261",
        "21.4.20",
        rank=Rank.PATH_LOOPED,
        means_duplicate=True,
        rules=(
            Rule(
                (FORWARD,),
                "A candidate, unless an older branch to the same instance is alive: then that "
                "one is waited for (RFC 3261 §8.2.2.2, §16.3).",
                roles=PROXY,
                sources=WIRE,
            ),
        ),
    ),
    _row(
        483,
        "Too Many Hops",
        "RFC 3261",
        "21.4.21",
        rank=Rank.PATH_LOOPED,
    ),
    _row(
        484,
        "Address Incomplete",
        "RFC 3261",
        "21.4.22",
        rank=Rank.RESUBMIT,
        rules=(changed("With more digits, when dialing overlaps (RFC 3261 §21.4.22)."),),
    ),
    _row(
        485,
        "Ambiguous",
        "RFC 3261",
        "21.4.23",
        rules=(
            Rule(
                (GIVE_UP,),
                "Its Contacts are other people: the user chooses (RFC 3261 §21.4.23).",
                roles=CALLER,
            ),
        ),
    ),
    _row(486, "Busy Here", "RFC 3261", "21.4.24", may_be_sent_by=AGENTS, rules=(later(),)),
    # Also what a cancelled branch counts as, see `without_response.py`.
    _row(
        487,
        "Request Terminated",
        "RFC 3261",
        "21.4.25",
        rank=Rank.PATH_CANCELLED,
        may_be_sent_by=AGENTS_AND_PROXIES,
        rules=(
            Rule(
                (FORWARD,),
                "Cancelled, so it counts as 487 until the phone says something else "
                "(RFC 3261 §9.1, §16.8, §16.10).",
                roles=frozenset({Role.PROXY, Role.EDGE}),
                sources=TIMER,
            ),
        ),
    ),
    _row(
        488,
        "Not Acceptable Here",
        "RFC 3261",
        "21.4.26",
        may_be_sent_by=AGENTS_AND_PROXIES,
        should_carry=("Warning",),
        rules=(changed("With another offer, if we have one (RFC 3261 §21.4.26)."),),
    ),
    _row(489, "Bad Event", "RFC 6665", "8.3.2", may_be_sent_by=AGENTS),
    _row(
        491,
        "Request Pending",
        "RFC 3261",
        "21.4.27",
        may_be_sent_by=AGENTS,
        rules=(
            Rule(
                (RETRY_AFTER, GIVE_UP),
                "Once more, after 2.1 to 4 s if we made the Call-ID, else 0 to 2 s "
                "(RFC 3261 §14.1).",
                roles=CALLER,
                in_dialog=True,
            ),
        ),
    ),
    _row(
        493,
        "Undecipherable",
        "RFC 3261",
        "21.4.28",
        may_be_sent_by=AGENTS,
        rules=(changed("With the key in its body, if there is one (RFC 3261 §23.2)."),),
    ),
    _row(
        494,
        "Security Agreement Required",
        "RFC 3329",
        "2.3.1",
        must_carry=("Security-Server",),
        rules=(
            changed("Over the best mechanism of Security-Server that we have (RFC 3329 §2.3.1)."),
        ),
    ),
)
