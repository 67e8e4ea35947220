"""A small phone for the demonstration: real sockets, real transactions, no media.

It registers over several flows under one instance-id (RFC 5626 §4.2), answers what rings, calls,
follows one redirect keeping the original To (RFC 3261 §8.1.3.4), and hangs up.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from ringway.aio.clock import Clock
from ringway.aio.driver import Driver
from ringway.aio.resolver import Resolver, ask_dns
from ringway.aio.stores import MemoryStore
from ringway.endpoint import (
    ClientTransaction,
    Endpoint,
    EndpointSettings,
    OwnerEvent,
    RequestFailed,
    RequestReceived,
    UserEvent,
)
from ringway.message import Request, Response, build_request, build_response
from ringway.transport.flow import Address, Flow, NextHop

ANSWER_TIMEOUT: Final = 10.0
"""Seconds the demonstration waits for anything at all."""


class _Owner:
    """Waits for the final response of one request."""

    def __init__(self) -> None:
        self.final: asyncio.Future[tuple[Response, Flow]] = (
            asyncio.get_running_loop().create_future()
        )

    def handle(self, event: OwnerEvent, now: float) -> None:  # noqa: ARG002 - an owner's signature
        if self.final.done():
            return
        if isinstance(event, RequestFailed):
            self.final.set_exception(ConnectionError(event.detail))
        elif event.response.status >= 200:
            self.final.set_result((event.response, event.flow))


@dataclass(slots=True)
class Dialog:
    """A call that is up, from this phone's side.

    Attributes:
        request: the INVITE that made it.
        remote: the far end's Contact.
        routes: the route set, nearest first (RFC 3261 §12.1).
        local: our From or To with its tag.
        peer: the other side's.
        flow: the flow the INVITE came or went over.
        cseq: the last CSeq number we used.
    """

    request: Request
    remote: str
    routes: tuple[str, ...]
    local: str
    peer: str
    flow: Flow
    cseq: int = 1


@dataclass(slots=True)
class Outcome:
    """What came of a call.

    Attributes:
        status: the final response.
        seconds: from the first INVITE to it.
        dialog: the call, when it was answered.
        contacts: where a redirect pointed to.
        warning: the Warning of a failure.
    """

    status: int
    seconds: float
    dialog: Dialog | None = None
    contacts: tuple[str, ...] = ()
    warning: str = ""


@dataclass(slots=True)
class Phone:
    """One phone; use it as an asynchronous context manager.

    Attributes:
        aor: its address-of-record.
        servers: where the server listens on TCP: one flow to each.
        flows: the flows that are registered, by reg-id.
        rang_over: the flows that calls came over, latest last.
    """

    aor: str
    servers: tuple[Address, ...]
    instance: str = field(default_factory=lambda: f"<urn:uuid:{_uuid()}>")
    flows: dict[int, Flow] = field(default_factory=dict)
    dialogs: dict[str, Dialog] = field(default_factory=dict)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    rang_over: list[Flow] = field(default_factory=list)
    _endpoint: Endpoint = field(init=False)
    _driver: Driver = field(init=False)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> Self:
        """Start the phone; register next."""
        self._endpoint = Endpoint(
            EndpointSettings(local=()), lambda: secrets.token_hex(8), generation=1
        )
        self._endpoint.user = self
        self._driver = await self._stack.enter_async_context(
            Driver(
                self._endpoint,
                resolver=Resolver(ask_dns()),
                store=MemoryStore(),
                clock=Clock(),
            )
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop without a word, as phones do."""
        await self._stack.__aexit__(kind, error, traceback)

    @property
    def user(self) -> str:
        """The user part of the address-of-record."""
        return self.aor.partition(":")[2].partition("@")[0]

    async def register(self) -> None:
        """Register over one flow to each server, reg-id 1 and up (RFC 5626 §4.2.1)."""
        for reg_id, server in enumerate(self.servers, 1):
            if self.flows.get(reg_id) is None:
                self.flows[reg_id] = await self._register(reg_id, server)

    async def _register(self, reg_id: int, server: Address) -> Flow:
        contact = f'<{self._contact()}>;reg-id={reg_id};+sip.instance="{self.instance}";expires=600'
        request = build_request(
            "REGISTER",
            "sip:" + self.aor.partition("@")[2],
            from_=f"<{self.aor}>;tag={secrets.token_hex(4)}",
            to=f"<{self.aor}>",
            call_id=secrets.token_hex(8),
            cseq=1,
            headers=(("Contact", contact), ("Supported", "path, outbound")),
        )
        response, flow = await self._send(request, NextHop("tcp", server, server.host))
        if response.status != 200:
            raise RuntimeError(f"the registration was refused with {response.status}")
        return flow

    async def call(self, uri: str, *, follow: bool = True) -> Outcome:
        """Call and wait for the final response; one redirect is followed.

        Args:
            uri: whom to call; it stays in the To whatever a redirect says.
            follow: whether a redirect is followed.
        """
        loop = asyncio.get_running_loop()
        start = loop.time()
        local = f"<{self.aor}>;tag={secrets.token_hex(4)}"
        call_id = secrets.token_hex(8)
        target, cseq = uri, 1
        contacts: tuple[str, ...] = ()
        while True:
            request = self._invite(target, uri, local, call_id, cseq)
            response, flow = await self._send(request, self.flows[1])
            if response.status // 100 != 3 or not follow or contacts or not response.contacts:
                break
            contacts = tuple(contact.uri_text for contact in response.contacts)
            target, cseq = contacts[0], cseq + 1
        outcome = Outcome(response.status, loop.time() - start, contacts=contacts)
        outcome.warning = response.get("warning") or ""
        if response.status < 300:
            outcome.dialog = self._dialog(request, response, flow, local, cseq)
            self._request("ACK", outcome.dialog, flow)
        return outcome

    async def hang_up(self, dialog: Dialog) -> int:
        """Send BYE and return the answer's status."""
        request = self._in_dialog("BYE", dialog)
        response, _ = await self._send(request, self.flows[1])
        return response.status

    def drop(self, flow: Flow) -> None:
        """Close a flow without a word, as a lost network does."""
        self.flows = {reg_id: each for reg_id, each in self.flows.items() if each != flow}
        self._driver.run(lambda now: self._endpoint.close_flow(flow, "the network is gone", now))

    def handle(self, event: UserEvent, now: float) -> None:
        """Answer what comes in: ring, pick up, hang up."""
        if not isinstance(event, RequestReceived):
            return
        request = event.request
        if request.method == "INVITE":
            self.rang_over.append(event.flow)
            self._pick_up(event, now)
        else:
            self._endpoint.reply(event.transaction, 200, now)
            if request.method == "BYE":
                self.hung_up.set()

    def _pick_up(self, event: RequestReceived, now: float) -> None:
        request = event.request
        routes = request.values("record-route")
        fields = [("Record-Route", value) for value in routes]
        fields.append(("Contact", f"<{self._contact()}>"))
        tag = secrets.token_hex(4)
        for status in (180, 200):
            response = build_response(request, status, to_tag=tag, headers=fields)
            self._endpoint.respond(event.transaction, response, now)
        self.dialogs[request.call_id] = Dialog(
            request,
            request.contacts[0].uri_text,
            routes,
            f"{request.get('to')};tag={tag}",
            request.get("from") or "",
            event.flow,
        )

    def _contact(self) -> str:
        return f"sip:{self.user}@{self.user}.invalid;transport=tcp;ob"

    def _invite(self, target: str, to: str, local: str, call_id: str, cseq: int) -> Request:
        return build_request(
            "INVITE",
            target,
            from_=local,
            to=f"<{to}>",
            call_id=call_id,
            cseq=cseq,
            headers=(("Contact", f"<{self._contact()}>"), ("Supported", "path, outbound")),
        )

    def _dialog(
        self, request: Request, response: Response, flow: Flow, local: str, cseq: int
    ) -> Dialog:
        routes = tuple(reversed(response.values("record-route")))
        peer = response.get("to") or ""
        return Dialog(request, response.contacts[0].uri_text, routes, local, peer, flow, cseq)

    def _in_dialog(self, method: str, dialog: Dialog) -> Request:
        if method != "ACK":
            dialog.cseq += 1
        return build_request(
            method,
            dialog.remote,
            from_=dialog.local,
            to=dialog.peer,
            call_id=dialog.request.call_id,
            cseq=dialog.cseq,
            headers=tuple(("Route", route) for route in dialog.routes),
        )

    def _request(self, method: str, dialog: Dialog, flow: Flow) -> None:
        """Send what nobody answers."""
        request = self._in_dialog(method, dialog)
        self._driver.run(lambda now: self._endpoint.send_stateless(request, flow, now))

    async def _send(self, request: Request, to: Flow | NextHop) -> tuple[Response, Flow]:
        owner = _Owner()
        sent: list[ClientTransaction] = []
        self._driver.run(
            lambda now: sent.append(self._endpoint.send_request(request, to, owner, now))
        )
        async with asyncio.timeout(ANSWER_TIMEOUT):
            return await owner.final


def _uuid() -> str:
    digits = secrets.token_hex(16)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
