"""Header names: compact forms, the usual spelling, and which headers are lists.

A name is known inside Ringway by its lower-case long form ("via", "call-id"), whatever
stood on the wire. Compact forms: RFC 3261 §7.3.3 and the IANA registry.
"""

import re
from typing import Final

__all__ = ["LISTS", "METHODS", "SINGLES", "canonical_name", "is_token", "pretty_name"]

# token: 1*( alphanum and - . ! % * _ + ` ' ~ )
TCHARS: Final = r"[A-Za-z0-9\-.!%*_+`'~]+"
_TOKEN: Final = re.compile(TCHARS)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SPELLINGS: Final = _words("""
Accept Accept-Contact Accept-Encoding Accept-Language Accept-Resource-Priority Alert-Info
Allow Allow-Events Answer-Mode Authentication-Info Authorization Call-ID Call-Info Contact
Content-Disposition Content-Encoding Content-ID Content-Language Content-Length Content-Type
CSeq Date Diversion Error-Info Event Expires Feature-Caps Flow-Timer From Geolocation
Geolocation-Error Geolocation-Routing History-Info Identity Identity-Info In-Reply-To
Info-Package Join Max-Breadth Max-Forwards MIME-Version Min-Expires Min-SE Organization
P-Access-Network-Info P-Asserted-Identity P-Associated-URI P-Called-Party-ID P-Charge-Info
P-Charging-Vector P-Preferred-Identity P-Visited-Network-ID Path Permission-Missing Priority
Privacy Proxy-Authenticate Proxy-Authorization Proxy-Require RAck Reason Record-Route
Recv-Info Refer-Sub Refer-To Referred-By Reject-Contact Replaces Reply-To
Request-Disposition Require Resource-Priority Retry-After Route RSeq Security-Client
Security-Server Security-Verify Server Service-Route Session-Expires Session-ID SIP-ETag
SIP-If-Match Subject Subscription-State Supported Suppress-If-Match Target-Dialog Timestamp
To Trigger-Consent Unsupported User-Agent User-to-User Via Warning WWW-Authenticate
""")

_COMPACT: Final[dict[str, str]] = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}

_PRETTY: Final[dict[str, str]] = {name.lower(): name for name in _SPELLINGS}

# Every spelling that is met every day, so that the hot path is one look-up.
NAMES: Final[dict[str, str]] = {
    **{name: name.lower() for name in _SPELLINGS},
    **{name.lower(): name.lower() for name in _SPELLINGS},
    **{name.upper(): name.lower() for name in _SPELLINGS},
    **_COMPACT,
    **{name.upper(): long for name, long in _COMPACT.items()},
}

# What is canonical already, and need not be looked for under another spelling.
CANONICAL: Final[frozenset[str]] = frozenset(NAMES.values())

# Headers whose values may be joined by commas in one line (RFC 3261 §7.3.1). The
# challenge and credentials headers have commas inside one value and are not here.
LISTS: Final[frozenset[str]] = _words(
    """
    accept accept-contact accept-encoding accept-language accept-resource-priority alert-info
    allow allow-events call-info contact content-encoding content-language diversion error-info
    feature-caps geolocation history-info in-reply-to p-access-network-info p-asserted-identity
    p-associated-uri p-preferred-identity p-visited-network-id path permission-missing
    proxy-require reason record-route recv-info reject-contact require resource-priority route
    security-client security-server security-verify service-route supported trigger-consent
    unsupported via warning
    """
)

# Headers that decide what a message is; two of one of them is no message (RFC 3261 §20).
SINGLES: Final[frozenset[str]] = _words(
    """
    call-id content-length content-type cseq expires from max-breadth max-forwards min-expires to
    """
)

# The IANA registry of methods.
METHODS: Final[frozenset[str]] = _words(
    """
    ACK BYE CANCEL INFO INVITE MESSAGE NOTIFY OPTIONS PRACK PUBLISH REFER REGISTER SUBSCRIBE UPDATE
    """
)


def canonical_name(name: str) -> str:
    """Return the lower-case long form of a header name.

    Args:
        name: The name in any case, long or compact.

    Returns:
        The canonical name. What is no known name is only lowered, token or not.
    """
    known = NAMES.get(name)
    if known is not None:
        return known
    lower = name.lower()
    return _COMPACT.get(lower, lower)


def pretty_name(name: str) -> str:
    """Return the usual spelling of a header name, to be written on the wire.

    Args:
        name: The name in any case, long or compact.

    Returns:
        "Call-ID" for "call-id" or "i". An unknown name is kept as it is given.

    Raises:
        ValueError: The name is no token, so it cannot be a header name.
    """
    pretty = _PRETTY.get(canonical_name(name))
    if pretty is not None:
        return pretty
    if not is_token(name):
        raise ValueError(f"not a header name: {name!r}")
    return name


def is_token(text: str) -> bool:
    """Say whether the text is a token (RFC 3261 §25.1)."""
    return _TOKEN.fullmatch(text) is not None
