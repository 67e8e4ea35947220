"""What one registration says of itself, in each of its REGISTERs (RFC 5626 §4.2, RFC 3261 §10.2).

One Call-ID and one CSeq for all of them (§10.2.4), one reg-id and one instance-id; and what servers
have asked to be different, which then holds for those that follow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from ringway.message import Request, Response, Uri
from ringway.transport.flow import Flow, NextHop
from ringway.ua.flows.register import (
    build_register,
    contact,
    contact_uri,
    loose,
    min_expires,
    registrar_uri,
)
from ringway.ua.services import Services

_LONGEST: Final = 604_800
"""Seconds, a week: a registrar that wants us to ask for more is not understood."""


class Beside(Protocol):
    """What is asked of the slots beside."""

    def alone(self) -> bool:
        """Say whether no other slot is registered."""

    def shares(self, flow: Flow) -> bool:
        """Say whether another slot uses the same flow."""


class Registrant:
    """The constant part of a registration.

    Args:
        services: what the parts of the agent share.
        beside: the slots beside.
        proxy: the outbound proxy; None to go where the registrar's name leads.
        reg_id: 1 and up.

    Attributes:
        proxy: the outbound proxy, or the registrar where there is none.
        direct: True where there is no outbound proxy.
        route: the Route to the outbound proxy.
        expires: the expiry that is asked for, in seconds.
        first_hop_lacks: True when the first hop does no outbound, and none is asked for any more.
        rival: True when that was said while another slot was registered, beside which there must
            be no registration without outbound.
        refused_by: the server that refused last.
    """

    def __init__(self, services: Services, beside: Beside, proxy: Uri | None, reg_id: int) -> None:
        settings = services.settings
        self.proxy = registrar_uri(settings) if proxy is None else proxy
        self.direct = proxy is None
        self.route = () if proxy is None else (f"<{loose(proxy)}>",)
        self.expires = settings.expires
        self.first_hop_lacks = False
        self.rival = False
        self.refused_by: NextHop | None = None
        self._services = services
        self._beside = beside
        self._reg_id = reg_id
        self._host = services.unique()
        self._call_id = services.unique()
        self._tag = services.unique()
        self._cseq = 0

    @property
    def reg_id(self) -> int:
        """The reg-id that is sent; 0 if none is."""
        return 0 if self.first_hop_lacks or not self._services.settings.instance else self._reg_id

    def contact_uri(self, flow: Flow) -> Uri:
        """Return the Contact URI over a flow."""
        return contact_uri(self._services.endpoint, self._services.settings, flow, self._host)

    def forget(self) -> None:
        """Ask for everything again: the way is another one."""
        self.first_hop_lacks = False
        self.refused_by = None

    def register(self, uri: Uri, flow: Flow, expires: int | None, proxy: Uri | None) -> Request:
        """Make the next REGISTER, without credentials.

        Args:
            uri: its Request-URI.
            flow: what it goes over.
            expires: 0 to unregister, None for what is asked for.
            proxy: the proxy to go through instead of the usual one (RFC 3261 §21.3.4).
        """
        self._cseq += 1
        settings = self._services.settings
        return build_register(
            settings,
            uri,
            tag=self._tag,
            call_id=self._call_id,
            cseq=self._cseq,
            contact=contact(str(self.contact_uri(flow)), settings.instance, self.reg_id),
            expires=self.expires if expires is None else expires,
            outbound=not self.first_hop_lacks,
            routes=self.route if proxy is None else (f"<{loose(proxy)}>",),
        )

    def usable(self, hops: list[NextHop]) -> list[NextHop]:
        """Leave out a UDP flow that another slot has; who refused last comes last (§4.2.1)."""
        endpoint = self._services.endpoint
        found = []
        for hop in hops:
            flow = None if hop.reliable else endpoint.flow_to(hop)
            if flow is None or not self._beside.shares(flow):
                found.append(hop)
        found.sort(key=lambda hop: hop == self.refused_by)
        return found

    def change(self, response: Response) -> bool:
        """Ask for a longer time after 423, for no outbound after 439."""
        wanted = _CHANGES.get(response.status)
        return wanted is not None and wanted(self, response)


def _longer(registrant: Registrant, response: Response) -> bool:
    least = min_expires(response)
    if least is None or not registrant.expires < least <= _LONGEST:
        return False
    registrant.expires = least
    return True


def _without_outbound(registrant: Registrant, response: Response) -> bool:  # noqa: ARG001 - as all
    registrant.rival = not registrant._beside.alone()  # noqa: SLF001 - of this module
    if registrant.first_hop_lacks or registrant.rival:
        return False
    registrant.first_hop_lacks = True
    return True


_CHANGES: Final[dict[int, Callable[[Registrant, Response], bool]]] = {
    423: _longer,
    439: _without_outbound,
}
