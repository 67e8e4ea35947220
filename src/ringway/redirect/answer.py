"""The response a redirect rule gives: the header fields of a 300, 301, 302 or 305.

RFC 3261 §8.3 (never to the Request-URI itself), §21.3 (what the codes mean, how long they hold) and
§20.10, §20.19 (q and expires).
"""

from __future__ import annotations

from math import ceil

from ringway.location import RedirectRule
from ringway.message import Request, parse_uri


def redirect_headers(
    rule: RedirectRule, request: Request, now: float
) -> tuple[tuple[str, str], ...] | None:
    """The header fields of the response to a request that a rule redirects.

    Each target is a Contact with its q, when there is more than one, and how long it holds: that
    long it may be cached, and a rule without an end is not cached at all (§21.3.3). The Contact of
    a 305 is the proxy to go through.

    Args:
        rule: the rule, as `RedirectTable.find` gave it.
        request: the request to answer, with `rule.status`.
        now: seconds on the core's clock.

    Returns:
        (name, value) pairs; None when every target is the Request-URI itself: then the rule says
        nothing and the request goes its normal way.
    """
    targets = [target for target in rule.targets if not parse_uri(target[0]).equals(request.uri)]
    if not targets:
        return None
    seconds = None if rule.until is None else max(1, ceil(rule.until - now))
    holds = "" if seconds is None else f";expires={seconds}"
    several = len(targets) > 1
    headers = [
        ("Contact", f"<{uri}>{f';q={q:.3g}' if several or q < 1.0 else ''}{holds}")
        for uri, q in targets
    ]
    if seconds is not None:
        headers.append(("Expires", str(seconds)))
    return tuple(headers)
