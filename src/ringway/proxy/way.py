"""A way to reach a target: over which flow or by which Route, and with which Request-URI.

A target of the target set (RFC 3261 §16.5) is one instance or one URI. An instance registered over
several flows has several ways, tried one after another and never two at once (RFC 5626 §7).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ringway.errors import ParseError
from ringway.location import Binding
from ringway.message import parse_uri
from ringway.transport.flow import Flow


class Way(NamedTuple):
    """One way to a target.

    Attributes:
        uri: the Request-URI to put; "" keeps the one the request has.
        routes: URIs put on top as Route, first hop first.
        keep_routes: True when the Routes the request still carries stay (mid-dialog requests).
        hop: a URI to send to without a Route header; "" follows Route and Request-URI.
        flow: our own flow to send over; it decides before hop and Route.
        binding: the registration this way comes from, if one does.
    """

    uri: str = ""
    routes: tuple[str, ...] = ()
    keep_routes: bool = False
    hop: str = ""
    flow: Flow | None = None
    binding: Binding | None = None

    @property
    def key(self) -> tuple[Flow | None, tuple[str, ...], str]:
        """What tells this way from the others of its instance: flow, path, address."""
        return (self.flow, self.routes, "" if self.flow else self.uri or self.hop)

    def __str__(self) -> str:
        """Return how a story calls it, without flow tokens; its flow is told beside it."""
        if self.flow is not None:
            return "it"
        if self.routes:
            return self.routes[0].rpartition("@")[2].partition(";")[0]
        return self.hop or self.uri or "the next hop"


class TargetSpec(NamedTuple):
    """What a target is made from: who it is, how much it is wanted, how it can be reached.

    Attributes:
        ways: at least one, the preferred first.
        q: preference, 0.0 to 1.0; equal values run in parallel.
        aor: the address-of-record it was found under, "" for a plain URI.
        instance: the phone's instance-id, "" when unknown.
        contact: the Contact of the redirect it came from, "" for none.
        redirected_by: the URI that redirected to it, "" when it was a rule of our own.
        redirect_status: that 3xx, 0 for none; credentials and Routes of ours then stay behind.
        header_fields: fields that its Contact URI asked for and policy allows.
    """

    ways: tuple[Way, ...]
    q: float = 1.0
    aor: str = ""
    instance: str = ""
    contact: str = ""
    redirected_by: str = ""
    redirect_status: int = 0
    header_fields: tuple[tuple[str, str], ...] = ()


def request_uri(text: str) -> str:
    """Return a URI without what a Request-URI may not have (RFC 3261 §16.6 step 2, §19.1.1).

    What is no URI is returned as it is: it fails when it is used, and hurts nobody else.
    """
    if "?" not in text and "method=" not in text.lower():
        return text
    try:
        return str(parse_uri(text).without_headers().without_params("method"))
    except ParseError:
        return text


def binding_way(binding: Binding, *, in_dialog: bool = False) -> Way:
    """Return the way a registration describes.

    Args:
        binding: the registration.
        in_dialog: True for a request inside a dialog, whose Request-URI must not change: the
            registration only says how to get there.
    """
    contact = request_uri(binding.contact)
    direct = binding.flow is None and not binding.path
    return Way(
        uri="" if in_dialog else contact,
        routes=() if binding.flow is not None else binding.path,
        hop=contact if in_dialog and direct else "",
        flow=binding.flow,
        binding=binding,
    )


def ways_of(bindings: Iterable[Binding], *, in_dialog: bool = False) -> tuple[Way, ...]:
    """Return the ways to one instance: the higher q first, then the newer registration."""
    found = sorted(bindings, key=lambda binding: (-binding.q, -binding.registered_at))
    return tuple([binding_way(binding, in_dialog=in_dialog) for binding in found])


def targets_of(bindings: Iterable[Binding]) -> list[TargetSpec]:
    """Group the bindings of one AOR into targets, one per instance (RFC 5626 §7).

    Bindings without an instance-id are a target each.
    """
    groups: dict[str, list[Binding]] = {}
    for binding in bindings:
        groups.setdefault(binding.instance or "contact " + binding.contact, []).append(binding)
    return [
        TargetSpec(
            ways_of(group),
            max([binding.q for binding in group]),
            group[0].aor,
            group[0].instance,
        )
        for group in groups.values()
    ]


def tiers_of(specs: Iterable[TargetSpec]) -> list[list[TargetSpec]]:
    """Order targets into tiers of equal q, the highest first (RFC 3261 §16.6)."""
    by_q: dict[float, list[TargetSpec]] = {}
    for spec in specs:
        by_q.setdefault(spec.q, []).append(spec)
    return [by_q[q] for q in sorted(by_q, reverse=True)]
