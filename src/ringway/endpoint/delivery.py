"""How a response finds its way when the way it should take is gone (RFC 3261 §18.2.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from ringway.endpoint.flows import Flows
from ringway.endpoint.transactions import ServerTransaction
from ringway.errors import ParseError
from ringway.message import Uri, Via, parse_datagram
from ringway.transport.flow import Address, Flow, NextHop
from ringway.transport.via import response_target

Resolver: TypeAlias = Callable[[Uri, Callable[[list[NextHop], float], None], float], None]

_NO_VIA: Final = Via("", "", "")
"""Of a response that cannot be read: it leads nowhere."""


class Delivery:
    """A response that its own flow cannot take any more, and the places it may go to instead.

    RFC 3261 §18.2.2: a connection to where the request came from, at the port in sent-by; then
    wherever RFC 3263 §5 leads from sent-by, which is where a URI of that host and port would lead.
    Call ``next`` to begin.

    Args:
        transaction: the response's.
        data: the response.
        flows: carries it.
        resolve: ``Endpoint.resolve``.
        lost: called with the transaction and the reason when no place is left.
    """

    __slots__ = (
        "_asked",
        "_data",
        "_flows",
        "_hops",
        "_lost",
        "_reason",
        "_resolve",
        "_transaction",
        "_tried",
        "_via",
    )

    def __init__(
        self,
        transaction: ServerTransaction,
        data: bytes,
        flows: Flows,
        resolve: Resolver,
        lost: Callable[[ServerTransaction, str, float], None],
    ) -> None:
        self._transaction = transaction
        self._data = data
        self._flows = flows
        self._resolve = resolve
        self._lost = lost
        self._reason = f"{transaction.flow} cannot take the response"
        self._tried: list[NextHop] = []
        self._asked = transaction.flow.websocket  # nobody can connect to a browser
        self._hops: list[NextHop] = []
        self._via = _NO_VIA
        try:
            self._via = parse_datagram(data).top_via
        except ParseError:  # a proxy passes on what came back, sound or not
            self._asked = True
            return
        first = response_target(self._via, transaction.flow)
        if first is not None:
            self._hops.append(first)

    def next(self, now: float) -> None:
        """Try the next place."""
        flows = self._flows
        while self._hops:
            target = self._hops.pop(0)
            if target in self._tried:
                continue
            self._tried.append(target)
            flow = flows.flow_to(target)
            if flow is not None:
                self.opened(flow, now)
            elif target.reliable:
                flows.connect(target, self)
            else:
                continue
            return
        if self._asked:
            self._lost(self._transaction, self._reason, now)
            return
        self._asked = True
        via = self._via
        params = (("transport", via.transport),)
        self._resolve(Uri("sip", host=via.host, port=via.port, params=params), self._found, now)

    def opened(self, flow: Flow, now: float) -> None:  # noqa: ARG002 - what a waiter is told
        """Send; what the transaction has to send later goes the same way."""
        self._transaction.to = flow
        self._flows.send(flow, self._data)

    def failed(self, reason: str, now: float) -> None:
        """Go on with the next place."""
        self._reason = reason
        self.next(now)

    def avoid(self, remote: Address) -> None:
        """Leave out an address that has proved wrong."""
        self._tried.append(NextHop(self._via.transport, remote, self._via.host))

    def _found(self, targets: list[NextHop], now: float) -> None:
        self._hops = [each for each in targets if each.transport == self._via.transport]
        self.next(now)
