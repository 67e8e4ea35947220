"""What a REGISTER changes, worked out against the current bindings before anything is changed.

All of it or nothing: one Contact that must fail fails the whole REGISTER (RFC 3261 §10.3 steps 6
and 7). Which binding a Contact means is decided by instance and reg-id where RFC 5626 §6 says so,
by URI comparison otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from sys import intern
from typing import Final

from ringway.location import Binding, BindingChange, Drop, Key, Location, Put
from ringway.message import Uri, parse_uri
from ringway.registrar.refusal import RefusalError, TooManyContactsError
from ringway.registrar.request import ContactAsked, Registration
from ringway.registrar.settings import RegistrarSettings
from ringway.transport.flow import Flow

UNREGISTERED: Final = "the phone unregistered"
_DEFAULT_PORT: Final = 5060


@dataclass(frozen=True, slots=True)
class Plan:
    """What a REGISTER changes.

    Attributes:
        changes: for memory.
        on_disk: the part of it that the store has to keep first.
    """

    changes: tuple[BindingChange, ...]
    on_disk: tuple[BindingChange, ...]


def plan_changes(
    registration: Registration, location: Location, settings: RegistrarSettings, now: float
) -> Plan:
    """Work out what a REGISTER changes.

    Args:
        registration: what it asks for.
        location: the bindings, which are only read.
        settings: what is allowed here.
        now: seconds on the core's clock.

    Raises:
        RefusalError: a change must not be made, so none is.
    """
    current = {each.key: each for each in location.bindings(registration.aor, now)}
    if registration.remove_all:
        _check_order(registration, current.values())
        return _plan([Drop(each, UNREGISTERED) for each in current.values()], location)
    _check_number(registration, len(current), settings)
    after = dict(current)
    fresh: set[Key] = set()
    replaced: set[Key] = set()
    for contact in registration.contacts:
        same = _same_bindings(contact, after.values())
        _check_order(registration, [each for each in same if each.key not in fresh])
        for each in same:
            del after[each.key]
            fresh.discard(each.key)
        if contact.expires > 0:
            binding = _binding(contact, registration, settings, now)
            after[binding.key] = binding
            fresh.add(binding.key)
            replaced.update(each.key for each in same)
    if len(after) > max(settings.max_bindings, len(current)):
        raise _too_many(registration, "and has them: remove one first", settings)
    drops = [
        Drop(each, "" if key in replaced else UNREGISTERED)
        for key, each in current.items()
        if key not in after
    ]
    return _plan([*drops, *(Put(after[key]) for key in after if key in fresh)], location)


def _plan(changes: list[BindingChange], location: Location) -> Plan:
    on_disk: list[BindingChange] = []
    for change in changes:
        if change.binding.durable:
            on_disk.append(change)
        elif isinstance(change, Put):
            before = location.get(change.binding.aor, change.binding.key)
            if before is not None and before.durable:
                on_disk.append(Drop(before, ""))
    return Plan(tuple(changes), tuple(on_disk))


def _check_number(registration: Registration, current: int, settings: RegistrarSettings) -> None:
    """Refuse more Contacts than could be bound, and removed, before they are compared.

    Every Contact is compared with every binding: a REGISTER must not say how much work that is.
    """
    most = max(settings.max_bindings, current)
    wanted = sum([each.expires > 0 for each in registration.contacts])
    if wanted > most or len(registration.contacts) > 2 * most:
        raise _too_many(registration, "and this REGISTER names more", settings)


def _too_many(
    registration: Registration, why: str, settings: RegistrarSettings
) -> TooManyContactsError:
    """A 403, not 413, which is about the body: not to be repeated as it is (RFC 3261 §21.4.4)."""
    most = settings.max_bindings
    bindings = "1 binding" if most == 1 else f"{most} bindings"
    return TooManyContactsError(403, f"{registration.aor} may have {bindings} {why}")


def _check_order(registration: Registration, bindings: Iterable[Binding]) -> None:
    """Refuse what comes late: a Call-ID's CSeq must grow (RFC 3261 §10.3 steps 6 and 7)."""
    cseq = registration.request.cseq.number
    for binding in bindings:
        if binding.call_id == registration.request.call_id and cseq <= binding.cseq:
            raise RefusalError(
                500, f"CSeq {cseq} is not above {binding.cseq}, so this REGISTER is out of order"
            )


def _same_bindings(contact: ContactAsked, bindings: Iterable[Binding]) -> list[Binding]:
    """The bindings that a Contact means.

    By URI comparison it can mean several, because equality is not transitive (RFC 3261 §19.1.4).
    No two bindings are equal, so when one is written alike it is the only one, found cheaply.
    """
    if contact.reg_id:
        key = (contact.instance, contact.reg_id)
        return [each for each in bindings if each.outbound and each.key == key]
    plain = [each for each in bindings if not each.outbound]
    alike = [each for each in plain if each.contact == contact.text]
    return alike or [each for each in plain if parse_uri(each.contact).equals(contact.uri)]


def _binding(
    contact: ContactAsked, registration: Registration, settings: RegistrarSettings, now: float
) -> Binding:
    request = registration.request
    return Binding(
        aor=registration.aor,
        contact=contact.text,
        expires_at=now + settings.granted(contact.expires),
        call_id=request.call_id,
        cseq=request.cseq.number,
        registered_at=now,
        instance=contact.instance,
        reg_id=contact.reg_id,
        q=contact.q,
        path=registration.path,
        flow=flow_of(contact, registration),
        outbound=contact.reg_id > 0,
        user_agent=intern(request.get("user-agent") or ""),
        params=contact.params,
    )


def flow_of(contact: ContactAsked, registration: Registration) -> Flow | None:
    """The flow that requests for a Contact must take; None: they go by Path or Contact URI.

    A phone with outbound is reached over its flow (RFC 5626 §6). So is every phone that only its
    flow reaches: over a connection, with a host ending in .invalid (RFC 7118 §5), or behind a NAT,
    which shows when it does not know its own address. A difference in the Via's port alone shows
    that only with rport, because without it the phone wants its answers at that port (RFC 3581).
    """
    if not registration.direct or not contact.uri.is_sip:
        return None
    flow = registration.flow
    if contact.reg_id or flow.reliable or _behind_nat(contact.uri, registration):
        return flow
    return None


def _behind_nat(uri: Uri, registration: Registration) -> bool:
    source = registration.flow.remote
    via = registration.request.top_via
    if not _same_host(via.host, source.host):
        return True
    if via.rport is not None and (via.port or _DEFAULT_PORT) != source.port:
        return True
    if uri.host.endswith(".invalid"):
        return True
    return not _same_host(uri.host, source.host) and _is_address(uri.host)


def _same_host(host: str, address: str) -> bool:
    if host == address:
        return True
    return _is_address(host) and ip_address(host) == ip_address(address)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
