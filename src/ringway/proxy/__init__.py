"""The proxy role: forwards requests, follows redirects, keeps calls alive when flows die.

RFC 3261 §16, RFC 5626 §5 and §7. Events in, calls on the endpoint out.
"""

from ringway.proxy.context import Plan, ResponseContext
from ringway.proxy.outcome import Outcome
from ringway.proxy.proxy import Proxy, Redirect
from ringway.proxy.route import Routed
from ringway.proxy.settings import History, ProxySettings, RecursionPolicy, Relay
from ringway.proxy.validation import Rejection
from ringway.proxy.way import TargetSpec, Way

__all__ = [
    "History",
    "Outcome",
    "Plan",
    "Proxy",
    "ProxySettings",
    "RecursionPolicy",
    "Redirect",
    "Rejection",
    "Relay",
    "ResponseContext",
    "Routed",
    "TargetSpec",
    "Way",
]
