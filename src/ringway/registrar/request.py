"""What a REGISTER asks for, read once and checked as far as that needs no bindings.

RFC 3261 §10.3 steps 2 to 7 up to the look-up of bindings, RFC 3327 §5.3, and the checks of RFC 5626
§6 that decide whether a reg-id counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ringway.errors import ParseError
from ringway.location import aor_of, domain_of
from ringway.message import NameAddr, Request, Uri
from ringway.registrar.refusal import RefusalError
from ringway.registrar.settings import RegistrarSettings
from ringway.transport.flow import Flow

EXTENSIONS: Final = frozenset({"outbound", "path"})
MALFORMED_EXPIRES: Final = 3600
_MOST_REG_ID: Final = 2**31 - 1
_OWN_PARAMS: Final = frozenset({"expires", "q", "+sip.instance", "reg-id"})


@dataclass(frozen=True, slots=True)
class ContactAsked:
    """One Contact value of a REGISTER.

    Attributes:
        uri: the Contact URI.
        text: the same as it was written.
        expires: seconds asked for; 0 asks for removal.
        q: preference, 0 to 1.
        instance: the instance-id with angle brackets; "" if none.
        reg_id: the reg-id if it counts; otherwise 0.
        params: the other parameters as text, ";" first.
    """

    uri: Uri
    text: str
    expires: int
    q: float
    instance: str
    reg_id: int
    params: str


@dataclass(frozen=True, slots=True)
class Registration:
    """What a REGISTER asks for.

    Attributes:
        aor: the address-of-record to change, canonical.
        contacts: what to bind or remove, in order.
        remove_all: True for ``Contact: *``.
        path: the Path URIs, topmost first.
        direct: True when it came straight from the phone it registers, so that the flow it came
            over leads to that phone: one Via, no Path, and not registered by a third party.
        outbound: True when a reg-id is used (RFC 5626 §6).
        supports_outbound: True when the phone names ``outbound`` in Supported.
        request: the REGISTER itself.
        flow: the flow it came over.
    """

    aor: str
    contacts: tuple[ContactAsked, ...]
    remove_all: bool
    path: tuple[str, ...]
    direct: bool
    outbound: bool
    supports_outbound: bool
    request: Request
    flow: Flow


def read_registration(request: Request, flow: Flow, settings: RegistrarSettings) -> Registration:
    """Read a REGISTER.

    Args:
        request: the REGISTER.
        flow: the flow it came over.
        settings: what is allowed here.

    Raises:
        RefusalError: it is refused whatever the bindings are.
        ParseError: a header field cannot be read.
    """
    _check_scheme(request.uri)
    _check_require(request)
    aor = _read_aor(request, settings)
    path = request.path
    if settings.behind_edges and not path and request.has("contact"):  # who only asks may
        raise RefusalError(403, "phones register at an edge of this server, not here")
    supported = request.supported
    if path and settings.require_path_support and "path" not in supported:
        raise RefusalError(
            420,
            "a proxy added Path, and the phone does not name path in Supported",
            ("Unsupported", "path"),
        )
    remove_all = _asks_remove_all(request)
    contacts = () if remove_all else request.contacts
    first_hop = not request.several("via") and not path
    third_party = aor_of(request.from_.uri, settings.synonyms) != aor
    reg_ids = _read_reg_ids(contacts)
    flow_is_known = first_hop or (bool(path) and path[-1].uri.has_param("ob"))
    if third_party:
        reg_ids = (0,) * len(reg_ids)
    elif not flow_is_known:
        if "outbound" in supported and any(each.has_param("reg-id") for each in contacts):
            raise RefusalError(
                439, "the first hop's Path has no ob: it would not keep the flow (RFC 5626 §6)"
            )
        reg_ids = (0,) * len(reg_ids)
    asked = tuple(
        _read_contact(contact, reg_id, request, settings)
        for contact, reg_id in zip(contacts, reg_ids, strict=True)
    )
    outbound = any(each.reg_id for each in asked)
    if outbound and sum(each.expires > 0 for each in asked) > 1:
        raise RefusalError(400, "a reg-id beside more than one Contact to bind (RFC 5626 §6)")
    return Registration(
        aor=aor,
        contacts=asked,
        remove_all=remove_all,
        path=tuple([each.uri_text for each in path]),
        direct=first_hop and not third_party,
        outbound=outbound,
        supports_outbound="outbound" in supported,
        request=request,
        flow=flow,
    )


def _check_scheme(uri: Uri) -> None:
    if not uri.is_sip:
        raise RefusalError(416, f"the Request-URI is a {uri.scheme} URI; use sip or sips")


def _check_require(request: Request) -> None:
    unknown = [tag for tag in request.require if tag not in EXTENSIONS]
    if unknown:
        tags = ", ".join(sorted(unknown))
        raise RefusalError(420, f"Require names {tags}, unknown here", ("Unsupported", tags))


def _read_aor(request: Request, settings: RegistrarSettings) -> str:
    uri = request.to.uri
    if not uri.is_sip:
        raise RefusalError(400, f"an address-of-record is a sip or sips URI, not {uri.scheme}")
    if domain_of(uri, settings.synonyms) not in settings.domains:
        raise RefusalError(404, f"{uri.host} is not a domain of this registrar")
    if not uri.user:
        raise RefusalError(404, "the To URI names no user")
    return aor_of(uri, settings.synonyms)


def _asks_remove_all(request: Request) -> bool:
    values = request.values("contact")
    if "*" not in values:
        return False
    if len(values) > 1:
        raise RefusalError(400, "a Contact of * beside other Contacts")
    if _expires_field(request) != 0:
        raise RefusalError(400, "a Contact of * without Expires: 0")
    return True


def _read_reg_ids(contacts: tuple[NameAddr, ...]) -> tuple[int, ...]:
    """The reg-ids; 0 where there is none, or no instance to go with it (RFC 5626 §6)."""
    return tuple([_reg_id(each) if each.instance else 0 for each in contacts])


def _reg_id(contact: NameAddr) -> int:
    # c-p-reg = "reg-id" EQUAL 1*DIGIT ; 1 to 2^31 - 1
    text = contact.param("reg-id")
    if text is None:
        return 0
    value = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else 0
    if not 0 < value <= _MOST_REG_ID:
        raise RefusalError(400, f"reg-id is {text}; it must be a number from 1 to {_MOST_REG_ID}")
    return value


def _read_contact(
    contact: NameAddr, reg_id: int, request: Request, settings: RegistrarSettings
) -> ContactAsked:
    expires = contact.expires
    if expires is None:
        expires = _expires_field(request)
    if expires is None:
        expires = settings.default_expires
    if 0 < expires < min(settings.min_expires, 3600):
        raise RefusalError(
            423,
            f"an expiry of {expires} s; the least is {settings.min_expires} s",
            ("Min-Expires", str(settings.min_expires)),
        )
    return ContactAsked(
        uri=contact.uri,
        text=contact.uri_text,
        expires=expires,
        q=contact.q,
        instance=contact.instance,
        reg_id=reg_id,
        params="".join(
            f";{name}" if value is None else f";{name}={value}"
            for name, value in contact.params
            if name not in _OWN_PARAMS
        ),
    )


def _expires_field(request: Request) -> int | None:
    """Expires in seconds; malformed, it counts as 3600 as in a Contact (RFC 3261 §10.2.1.1)."""
    try:
        return request.expires
    except ParseError:
        return MALFORMED_EXPIRES
