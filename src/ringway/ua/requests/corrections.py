"""What a refusal asks to be different, as far as it can be done without a person.

RFC 3261 §8.1.3.5 (416, 420), §21.4.16 (421), §10.2.8 (423), RFC 4028 §7.3 (422). A shorter body, or
one of another type (413, 415), only the application can make, so those stay failures. The table
says when a request is changed and sent again; here is how.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from ringway.errors import ParseError
from ringway.message import Request, Response, Uri, parse_delta

Headers: TypeAlias = tuple[tuple[str, str], ...]


class Refused(NamedTuple):
    """A request and how it was refused.

    Attributes:
        request: as it was sent.
        headers: the application's header fields in it.
        response: the refusal.
        domain: our own, which numbers belong to (RFC 3261 §19.1.6).
        extensions: option-tags that we have, whether or not Supported names them.
    """

    request: Request
    headers: Headers
    response: Response
    domain: str
    extensions: tuple[str, ...] = ()


class Corrected(NamedTuple):
    """What to send instead.

    Attributes:
        uri: the Request-URI; empty if it stays.
        headers: the application's header fields.
        text: what was changed, for people.
    """

    uri: str
    headers: Headers
    text: str


def correct(refused: Refused) -> Corrected | None:
    """Change what a response asks to be changed; None when that cannot be done here."""
    how = _CORRECTIONS.get(refused.response.status)
    if how is None:
        return None
    try:
        return how(refused)
    except ParseError:
        return None


def _sip_uri(refused: Refused) -> Corrected | None:
    """416: a number in a SIP URI. A SIPS URI is never made a SIP URI."""
    uri = refused.request.uri
    if uri.scheme != "tel":
        return None
    number = str(uri).removeprefix("tel:")
    made = str(Uri("sip", user=number, host=refused.domain, params=(("user", "phone"),)))
    return Corrected(made, refused.headers, f"to {made}")


def _without_extensions(refused: Refused) -> Corrected | None:
    """420: without what it lists in Unsupported."""
    unsupported = {tag.lower() for tag in refused.response.values("unsupported")}
    kept: list[tuple[str, str]] = []
    dropped: list[str] = []
    for name, value in refused.headers:
        if name.lower() not in {"require", "proxy-require"}:
            kept.append((name, value))
            continue
        tags = [tag.strip() for tag in value.split(",")]
        left = [tag for tag in tags if tag.lower() not in unsupported]
        dropped += [tag for tag in tags if tag not in left]
        if left:
            kept.append((name, ", ".join(left)))
    if not dropped:
        return None
    return Corrected("", tuple(kept), "without requiring " + ", ".join(dropped))


def _with_extensions(refused: Refused) -> Corrected | None:
    """421: with what it lists in Require, if we have all of it."""
    named = refused.request.supported
    missing = [tag.lower() for tag in refused.response.require if tag.lower() not in named]
    if not missing or not set(missing) <= set(refused.extensions):
        return None
    tags = ", ".join(missing)
    return Corrected("", (*refused.headers, ("Supported", tags)), f"with {tags} supported")


def _with_longer_session(refused: Refused) -> Corrected | None:
    """422: with the Min-SE it asks for, and a session interval not below."""
    asked, semicolon, params = (refused.request.get("session-expires") or "").partition(";")
    least = refused.response.number("min-se")
    if least is None or not asked or parse_delta(asked.strip()) >= least:
        return None
    interval = f"{least}{semicolon}{params}"
    kept = _without(refused.headers, "session-expires", "x", "min-se")
    wanted = (("Session-Expires", interval), ("Min-SE", str(least)))
    return Corrected("", (*kept, *wanted), f"with a session interval of {least} s")


def _with_longer_expiry(refused: Refused) -> Corrected | None:
    """423: with the Min-Expires it asks for."""
    least, asked = refused.response.number("min-expires"), refused.request.expires
    if least is None or asked is None or asked >= least:
        return None
    kept = _without(refused.headers, "expires")
    return Corrected("", (*kept, ("Expires", str(least))), f"with an expiry of {least} s")


def _without(headers: Headers, *names: str) -> Headers:
    return tuple(pair for pair in headers if pair[0].lower() not in names)


_CORRECTIONS: Final[dict[int, Callable[[Refused], Corrected | None]]] = {
    416: _sip_uri,
    420: _without_extensions,
    421: _with_extensions,
    422: _with_longer_session,
    423: _with_longer_expiry,
}
