"""Which bindings the 2xx to a REGISTER grants (RFC 3261 §10.3, RFC 5626 §6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from ringway.errors import ParseError
from ringway.explain.observed.model import Exchange, Hop, Sight
from ringway.message import NameAddr
from ringway.message.memory import remember

_MOST: Final = 64
_CONTACTS: Final = 16

# Phones register again and again.
_aors: Final[dict[str, str]] = {}


class Registration(NamedTuple):
    """A binding that a registrar confirmed with a 2xx (RFC 3261 §10.3, RFC 5626 §6).

    Attributes:
        at: when the 2xx was seen.
        frames: the packets of the REGISTER and of the 2xx.
        aor: the URI of To, without parameters.
        contact: the URI of Contact.
        instance: the +sip.instance with its "<>"; empty if there is none.
        reg_id: the reg-id; 0 if there is none.
        expires: the seconds that were granted; 0 when the binding was removed.
        call_id: of the REGISTER.
        hop: of the REGISTER.
        direct: True if this hop is the phone's own: nobody had forwarded the REGISTER before.
        outbound: True if the 2xx says Require: outbound.
        path: the values of Path in the REGISTER (RFC 3327).
    """

    at: float
    frames: tuple[int, ...]
    aor: str
    contact: str
    instance: str
    reg_id: int
    expires: int
    call_id: str
    hop: Hop
    direct: bool
    outbound: bool
    path: tuple[str, ...] = ()


def granted(exchange: Exchange, response: Sight) -> list[Registration]:
    """Return the bindings that a 2xx grants to the REGISTER it answers, removed ones with 0.

    Nothing if they cannot be read, if nothing was registered, or if the REGISTER was not seen.
    """
    if exchange.request is None:
        return []
    asked, told = exchange.request.message, response.message
    aor = aor_of(exchange.request)
    try:
        wanted = asked.contacts
        given = told.contacts
        default = told.expires if told.expires is not None else asked.expires
    except ParseError:
        return []
    found: list[Registration] = []
    for contact in wanted[:_CONTACTS]:
        match = next((each for each in given if _same(each, contact)), None)
        expires = contact.expires if match is None else match.expires
        if expires is None:
            expires = 3600 if default is None else default
        found.append(
            Registration(
                response.at,
                exchange.request.frames + response.frames,
                aor,
                contact.uri_text,
                contact.instance,
                number(contact.param("reg-id")),
                expires,
                exchange.request.message.get("call-id") or "",
                exchange.hop,
                not asked.several("via"),
                "outbound" in [tag.lower() for tag in told.require],
                tuple(asked.values("path")),
            )
        )
    return found


def aor_of(request: Sight) -> str:
    """Return the URI in To without parameters; empty if it cannot be read."""
    try:
        to = request.message.to
    except ParseError:
        return ""
    known = _aors.get(to.uri_text)
    if known is not None:
        return known
    return remember(_aors, to.uri_text, str(replace(to.uri, params=(), headers=(), password=None)))


def _same(given: NameAddr, wanted: NameAddr) -> bool:
    if wanted.instance and wanted.has_param("reg-id"):
        ours = (wanted.instance, wanted.param("reg-id"))
        if given.instance and given.has_param("reg-id"):
            return (given.instance, given.param("reg-id")) == ours
    return given.uri_text == wanted.uri_text or given.uri.equals(wanted.uri)


def put_in_place(registrations: list[Registration], new: Registration) -> None:
    """Put a registration in the place of the one it refreshes, at the end."""
    registrations[:] = [each for each in registrations if not refreshes(new, each)]
    registrations.append(new)
    del registrations[:-_MOST]


def refreshes(new: Registration, old: Registration) -> bool:
    """Say whether a registration takes the place of another (RFC 5626 §6)."""
    if new.aor != old.aor:
        return False
    if new.outbound and new.reg_id and new.instance:
        return (new.instance, new.reg_id) == (old.instance, old.reg_id)
    return new.contact == old.contact


def number(text: str | None) -> int:
    """Return a whole number of at most nine digits, 0 for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else 0
