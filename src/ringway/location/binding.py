"""A binding: that an address-of-record can be reached at a contact, until when, and by which way.

RFC 3261 §10.3 binds an address-of-record to Contact URIs; RFC 5626 §6 binds it to an instance and
a reg-id instead, whatever the Contact URI says, and adds the flow; RFC 3327 §5.3 adds the Path
vector. One record holds all of it, because the proxy needs all of it to route one request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import unquote

if TYPE_CHECKING:
    from ringway.message.uri import Uri
    from ringway.transport.flow import Flow

Key: TypeAlias = tuple[str, int]
"""What makes a binding unique under its address-of-record: see `Binding.key`."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One way to reach one address-of-record.

    Attributes:
        aor: the address-of-record in the canonical form of `aor_of`.
        contact: the Contact URI as it was registered, without angle brackets; the Request-URI of
            what is sent to this binding.
        expires_at: when it lapses, in seconds on the core's clock.
        call_id: Call-ID of the REGISTER that made or refreshed it.
        cseq: CSeq number of that REGISTER.
        registered_at: when that REGISTER came, in seconds on the core's clock.
        instance: the ``+sip.instance`` value with its angle brackets, without quotes; "" if none.
        reg_id: the reg-id; 0 if there was none or it was ignored.
        q: preference among the contacts of the address-of-record, 0 to 1.
        path: the Path URIs, topmost first: the Route of what is sent to this binding.
        flow: our flow that requests must take (RFC 5626 §7); None: they go by Path or contact.
        outbound: True when RFC 5626 made it, so that instance and reg-id are its key.
        user_agent: the User-Agent of the REGISTER; "" if it had none.
        params: the other Contact parameters as text, ";" first, to be given back unchanged.
    """

    aor: str
    contact: str
    expires_at: float
    call_id: str
    cseq: int
    registered_at: float
    instance: str = ""
    reg_id: int = 0
    q: float = 1.0
    path: tuple[str, ...] = ()
    flow: Flow | None = None
    outbound: bool = False
    user_agent: str = ""
    params: str = ""

    @property
    def key(self) -> Key:
        """(instance, reg-id) under RFC 5626 §6, otherwise (Contact URI, 0).

        Contact URIs compare by RFC 3261 §19.1.4, which no key can express, because it is not
        transitive: the registrar compares, and drops the old binding when the text has changed.
        """
        return (self.instance, self.reg_id) if self.outbound else (self.contact, 0)

    @property
    def durable(self) -> bool:
        """True when it still works after a restart: not over a connection of this process."""
        return self.flow is None or not self.flow.reliable

    @property
    def secure(self) -> bool:
        """True when a request to a SIPS URI may use it (RFC 3261 §26.2.2)."""
        return self.contact[:5].lower() == "sips:" or (self.flow is not None and self.flow.secure)


Synonyms: TypeAlias = Mapping[str, str]
"""Hosts that mean a domain of ours, such as an alias or our own address, and which one."""

NO_SYNONYMS: Final[Synonyms] = MappingProxyType({})


def domain_of(uri: Uri, synonyms: Synonyms = NO_SYNONYMS) -> str:
    """The domain that a URI's host means, without the dot that may end a complete name.

    Args:
        uri: a SIP or SIPS URI.
        synonyms: other hosts for our domains.
    """
    host = uri.host.removesuffix(".")
    return synonyms.get(host, host)


def aor_of(uri: Uri, synonyms: Synonyms = NO_SYNONYMS) -> str:
    """The canonical address-of-record that a SIP or SIPS URI names (RFC 3261 §10.3 step 5).

    User and host only, the user unescaped. SIPS falls together with SIP: both schemes name one
    person, and whether a binding may serve a SIPS request is `Binding.secure`. The port goes too:
    a domain is a name, and a port says where its server was found.

    Args:
        uri: a URI from a Request-URI, To or From. Another scheme than SIP gives its text.
        synonyms: other hosts for our domains, so that a user has one name whichever a phone uses.
    """
    if uri.scheme not in {"sip", "sips"}:
        return str(uri)
    host = domain_of(uri, synonyms)
    if ":" in host:
        host = f"[{host}]"
    user = uri.user
    if user is None:
        return f"sip:{host}"
    if "%" in user:
        user = unquote(user, errors="surrogateescape")
    return f"sip:{user}@{host}"
