"""Where a request was addressed before it was redirected: History-Info or Diversion.

RFC 7044 §9.2 and §10, RFC 5806 §5. Entries that others wrote stay as they are.
"""

from __future__ import annotations

from ringway.errors import ParseError
from ringway.message import Draft, NameAddr, Request, parse_name_addr
from ringway.proxy.way import TargetSpec


def add_diversion(draft: Draft[Request], request: Request) -> None:
    """Say on top who the call was diverted from (RFC 5806 §5)."""
    draft.prepend("Diversion", f"<{request.uri_text}>;reason=deflection;counter=1")


def add_history(draft: Draft[Request], request: Request, spec: TargetSpec) -> None:
    """Add where the request was addressed, who redirected it, and where it goes (RFC 7044 §10).

    A phone that answered 3xx gets an entry with that Reason, and the new target an index beside
    it; ``rc`` and ``mp`` only if its Contact had them (§10.3 rule 4, §10.4). A redirect of our own
    is a mapping from the Request-URI.

    Args:
        draft: the request as it goes out.
        request: as it was received.
        spec: the target it goes to.
    """
    last = _last_entry(request)
    index = (last.param("index") if last is not None else None) or "1"
    if last is None or last.uri_text.partition("?")[0] != request.uri_text:
        index = "1" if last is None else f"{index}.0"
        draft.append("History-Info", f"<{request.uri_text}>;index={index}")
    contact = parse_name_addr(spec.contact)
    target = contact.uri_text.partition("?")[0]
    if not spec.redirected_by:
        draft.append("History-Info", f"<{target}>;index={index}.1;mp={index}")
        return
    reason = f"?Reason=SIP%3Bcause%3D{spec.redirect_status}"
    left = spec.redirected_by.partition("?")[0]
    draft.append("History-Info", f"<{left}{reason}>;index={index}.1;rc={index}")
    how = "".join([f";{name}={index}.1" for name in ("rc", "mp") if contact.has_param(name)])
    draft.append("History-Info", f"<{target}>;index={index}.2{how}")


def _last_entry(request: Request) -> NameAddr | None:
    """Return the last entry others wrote; one that cannot be read tells nothing."""
    try:
        entries = request.addresses("history-info")
    except ParseError:
        return None
    return entries[-1] if entries else None
