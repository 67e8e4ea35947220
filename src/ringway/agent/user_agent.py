"""A user agent on the current event loop: sockets, DNS and tasks around the pure one.

All that is protocol is in `ringway.ua`. Here is what it cannot have: the address others reach us
at, the instance-id on disk, and the bridge between its events and `await`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ringway.agent.account import make_accounts, read_aor, read_proxies, read_uri
from ringway.agent.call import Call, TakenCall
from ringway.agent.events import Stream
from ringway.agent.network import bind, host_towards
from ringway.agent.reply import FailedError, Reply, Waiting
from ringway.agent.request import TakenRequest
from ringway.agent.state import Instance, agent_state_dir
from ringway.aio.clock import Clock
from ringway.aio.driver import Driver
from ringway.aio.resolver import Resolver, ask_dns
from ringway.aio.stores import MemoryStore
from ringway.aio.tls import usual_client_context
from ringway.aio.unique import Unique
from ringway.auth import Account, Answerer
from ringway.endpoint import Decision, Endpoint, EndpointSettings
from ringway.message import Uri
from ringway.transport.flow import Address
from ringway.ua.agent import Agent
from ringway.ua.calls.calling import OutgoingCall
from ringway.ua.events import (
    AgentEvent,
    CallOffered,
    Registered,
    RegistrationFailed,
    RequestOffered,
)
from ringway.ua.flows.outbound import Outbound, Slot
from ringway.ua.requests.sending import Follow
from ringway.ua.services import Services
from ringway.ua.settings import AgentSettings, RedirectPolicy

__all__ = ["UserAgent"]

SOFTWARE: Final = "ringway"
_FAREWELL: Final = 5.0
"""Seconds that the answers to BYE may take, and then taking back the registrations."""

_NOT_ALONE: Final = frozenset({"INVITE", "ACK", "CANCEL", "BYE", "PRACK"})

_logger = logging.getLogger("ringway.agent")

Headers = Mapping[str, str] | Iterable[tuple[str, str]]


class UserAgent:
    """A SIP user agent; use it as an asynchronous context manager.

    Entering it registers: it returns as soon as one registration stands, or once it is known that
    none will soon; then it goes on trying by itself (RFC 5626 §4.5). Leaving it ends all calls and
    takes the registrations back.

    Args:
        aor: its address-of-record, as ``sip:alice@example.com``.
        password: answers challenges, with ``username`` or the user part of ``aor``: those of the
            registrar, and of its realms on the way to whom we call; nobody else's.
        username: the name to the password.
        accounts: names and passwords for particular realms, whoever asks.
        outbound: up to four outbound proxies, best first; one flow is kept to each. A parameter
            ``keep=stun`` or ``keep=crlf`` says that it answers keep-alives (RFC 5626 §4.4).
        registrar: where to register, if not at the domain of ``aor``.
        register: False for an agent that only calls.
        display: the display name that others see.
        expires: seconds a registration is asked to last.
        local: the address to bind; every address without it.
        port: the port for UDP and TCP; any free one for 0.
        state_dir: where the instance-id is kept (RFC 5626 §4.1).
        tls: for TLS connections; without it the system's authorities are trusted.
        nameservers: to ask instead of the system's.
        redirects: which redirects are followed.
        session_expires: seconds between refreshes of a call (RFC 4028); 0 for none.
        wait: seconds that entering waits for a registration.
        on_event: told of each event of the registrations, besides ``events``.
        on_decision: told of each decision, for a story or a log.

    Raises:
        ValueError: an address is none; the message says what one looks like.
    """

    def __init__(
        self,
        aor: str,
        *,
        password: str | None = None,
        username: str | None = None,
        accounts: Iterable[Account] = (),
        outbound: Sequence[str] = (),
        registrar: str | None = None,
        register: bool = True,
        display: str = "",
        expires: int = 3600,
        local: str = "",
        port: int = 0,
        state_dir: Path | None = None,
        tls: ssl.SSLContext | None = None,
        nameservers: Sequence[Address] = (),
        redirects: RedirectPolicy | None = None,
        session_expires: int = 1800,
        wait: float = 10.0,
        on_event: Callable[[AgentEvent], None] | None = None,
        on_decision: Callable[[Decision], None] | None = None,
    ) -> None:
        self.aor: Uri = read_aor(aor)
        self._settings = AgentSettings(
            aor=self.aor,
            display=display,
            outbound=read_proxies(outbound),
            registrar=None if registrar is None else read_uri(registrar, "a registrar"),
            registers=register,
            expires=expires,
            software=SOFTWARE,
            session_expires=session_expires,
            redirects=redirects or RedirectPolicy(),
        )
        self._accounts = make_accounts(self.aor, username, password, accounts)
        self._local = local
        self._port = port
        self._state_dir = state_dir
        self._tls = tls
        self._nameservers = nameservers
        self._wait = wait
        self._on_event = on_event
        self._on_decision = on_decision
        self._stack = AsyncExitStack()
        self._events: Stream[AgentEvent] = Stream()
        self._calls: Stream[TakenCall] | None = None
        self._requests: Stream[TakenRequest] | None = None
        self._open: set[Call] = set()
        self._first: asyncio.Future[None]
        self._tried: dict[str, RegistrationFailed | Registered] = {}
        self._all_tried = asyncio.Event()
        self.host = ""
        """The address of this machine that peers see, were there no NAT; set once entered."""
        self._running: Driver | None = None
        self._endpoint: Endpoint
        self._agent: Agent
        self._outbound: Outbound

    # Life

    async def __aenter__(self) -> Self:
        """Open sockets and register.

        Raises:
            FailedError: every registration was refused for good.
            OSError: an address cannot be bound, or the state directory not be used.
            RuntimeError: it was entered before.
        """
        if self._running is not None:
            raise RuntimeError("a user agent is entered once; make another one")
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        try:
            await self._wait_for_registration()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End all calls, take the registrations back, close the sockets."""
        try:
            async with asyncio.TaskGroup() as farewells:
                for call in list(self._open):
                    farewells.create_task(call.hang_up())
            # Who is silent need not be waited for.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL):
                    await self._told_at(self._agent.farewells.when_quiet)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL):
                    await self._told_at(lambda done, now: self._outbound.stop(now, done))
        finally:
            for stream in (self._events, self._calls, self._requests):
                if stream is not None:
                    stream.close()
            await self._stack.__aexit__(kind, error, traceback)

    async def _start(self, stack: AsyncExitStack) -> None:
        self._first = asyncio.get_running_loop().create_future()
        clock = Clock()
        six = ":" in self._local
        resolver = Resolver(
            ask_dns(self._nameservers), families=("AAAA",) if six else ("A",), clock=clock
        )
        instance = stack.enter_context(
            Instance(self._state_dir or agent_state_dir(), str(self.aor))
        )
        self.host = host = await self._host_towards_peers(resolver)
        sockets = bind(self._local or ("::" if ":" in host else "0.0.0.0"), self._port)  # noqa: S104 - all, as others reach us
        stack.callback(sockets.close)
        endpoint = self._endpoint = Endpoint(
            EndpointSettings(local=sockets.listeners(host)), Unique(), 1
        )
        endpoint.listener = None if self._on_decision is None else self._tell_decision
        unique = Unique()
        services = Services(
            endpoint=endpoint,
            settings=replace(self._settings, instance=instance.urn),
            unique=unique,
            chance=random.random,
            answerer=Answerer(self._accounts, unique),
            emit=self._emit,
        )
        self._outbound = services.outbound = Outbound(services)
        self._agent = Agent(services, _complain)
        self._running = await stack.enter_async_context(
            Driver(
                endpoint,
                resolver=resolver,
                store=MemoryStore(),
                clock=clock,
                client_tls=usual_client_context() if self._tls is None else self._tls,
            )
        )
        self._driver.add_datagram(sockets.datagram)
        await self._driver.add_stream(sockets.stream, "tcp")
        self._driver.run(self._outbound.start)

    async def _host_towards_peers(self, resolver: Resolver) -> str:
        """Find the address that the first of our peers sees us at, were there no NAT."""
        if self._local and self._local not in {"0.0.0.0", "::"}:  # noqa: S104 - compared
            return self._local
        settings = self._settings
        peers = (*settings.outbound, settings.registrar or settings.aor)
        for peer in peers:
            for hop in await resolver.locate(peer):
                with contextlib.suppress(OSError):
                    return host_towards(hop.address.host)
        return "127.0.0.1"

    @property
    def _driver(self) -> Driver:
        if self._running is None:
            raise RuntimeError("the user agent does not run; use it with `async with`")
        return self._running

    # Registrations

    async def _wait_for_registration(self) -> None:
        if not self._settings.registers:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._wait):
                await self._first

    def _judge(self, event: Registered | RegistrationFailed) -> None:
        """End the wait for the first registration when there is one, or none can be."""
        self._tried[event.proxy] = event
        # Who makes way for a registration without outbound does so right after the event.
        asyncio.get_running_loop().call_soon(self._look_who_tried)
        if self._first.done():
            return
        if isinstance(event, Registered):
            self._first.set_result(None)
        elif self._have_all_tried():
            if any(map(_may_come, self._tried.values())):
                self._first.set_result(None)  # later; half a minute at least
            else:
                self._first.set_exception(FailedError(event.failure))

    def _have_all_tried(self) -> bool:
        return all(
            slot.standing_by or str(slot.proxy) in self._tried for slot in self._outbound.slots
        )

    def _look_who_tried(self) -> None:
        if self._have_all_tried():
            self._all_tried.set()

    async def tried(self) -> None:
        """Wait until every flow has been tried once, whatever came of it.

        Where the registrar does no outbound, one is registered and the others stand by.
        """
        await self._all_tried.wait()

    async def _told_at(self, ask: Callable[[Callable[[float], None], float], None]) -> None:
        """Wait until the core calls back."""
        done = asyncio.Event()
        self._driver.run(lambda now: ask(lambda _: done.set(), now))
        await done.wait()

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The outbound proxies, each with its flow and whether it is registered."""
        return () if self._running is None else self._outbound.slots

    def network_changed(self) -> None:
        """Say that the network is another one: every flow is made anew, once, without a wait."""
        self._driver.run(self._outbound.network_changed)

    def cut(self, slot: Slot) -> None:
        """Close a flow without a word, as a lost network does: to see what comes of it."""
        flow = slot.flow
        if flow is not None:
            self._driver.run(lambda now: self._endpoint.close_flow(flow, "cut", now))

    # Events

    def events(self) -> Stream[AgentEvent]:
        """What happens to the registrations, in order; read it with ``async for``."""
        return self._events

    def calls(self) -> Stream[TakenCall]:
        """Take calls: read them with ``async for``. Before it is called nobody answers (480)."""
        if self._calls is None:
            self._calls = Stream()
        return self._calls

    def requests(self) -> Stream[TakenRequest]:
        """Take requests outside calls, as MESSAGE; before it is called they get 480."""
        if self._requests is None:
            self._requests = Stream()
        return self._requests

    def _emit(self, event: AgentEvent) -> None:
        if isinstance(event, CallOffered):
            self._offer(event)
        elif isinstance(event, RequestOffered):
            request = TakenRequest(self._driver, event.request)
            if self._requests is None:
                request.answer(480)
            else:
                self._requests.put(request)
        else:
            self._events.put(event)
            if isinstance(event, Registered | RegistrationFailed):
                self._judge(event)
            if self._on_event is not None:
                self._on_event(event)

    def _tell_decision(self, decision: Decision) -> None:
        self._agent.guard(self._on_decision, decision)

    def _offer(self, event: CallOffered) -> None:
        call = TakenCall(self._driver, self._keep, event.call)
        if self._calls is None:
            call.reject(480)
        else:
            self._calls.put(call)

    def _keep(self, call: Call) -> None:
        self._open.add(call)
        call.when_over(self._open.discard)

    # What an application does

    def call(
        self,
        uri: str,
        *,
        offer: bytes = b"",
        content_type: str = "application/sdp",
        headers: Headers = (),
        follow: Follow = None,
    ) -> Call:
        """Call somebody; use the call as an asynchronous context manager, which begins it.

        Args:
            uri: whom; it stays the one for future calls, whatever a 302 says.
            offer: a session description; without one the far end makes the offer.
            content_type: of the offer.
            headers: further fields of the INVITE.
            follow: None to follow redirects by the agent's policy, False to follow none, True to
                follow by the policy even if that says no; or a function, which gets the redirect
                and those of its Contacts that were not tried, and returns the ones to follow.

        Raises:
            ValueError: the URI is none.
        """
        target = str(read_uri(uri, "whom to call, as sip:bob@example.com"))

        def begin(call: Call, now: float) -> OutgoingCall:
            return self._agent.call(
                target,
                now,
                body=offer,
                content_type=content_type if offer else None,
                headers=_pairs(headers),
                follow=follow,
                emit=call.take,
            )

        return Call(self._driver, self._keep, begin)

    async def message(
        self, uri: str, text: str, *, content_type: str = "text/plain;charset=utf-8"
    ) -> Reply:
        """Send a MESSAGE (RFC 3428) and wait for its answer.

        Raises:
            FailedError: it was not taken.
            ValueError: the URI is none.
        """
        return await self.request("MESSAGE", uri, body=text.encode(), content_type=content_type)

    async def options(self, uri: str) -> Reply:
        """Ask somebody what they can (RFC 3261 §11) and wait for the answer.

        Raises:
            FailedError: there is none, or it is a refusal.
            ValueError: the URI is none.
        """
        return await self.request("OPTIONS", uri, headers={"Accept": "application/sdp"})

    async def request(
        self,
        method: str,
        uri: str,
        *,
        headers: Headers = (),
        body: bytes = b"",
        content_type: str | None = None,
        follow: Follow = None,
    ) -> Reply:
        """Send a request outside a call and wait for its answer.

        Args:
            method: anything but INVITE, ACK, CANCEL, BYE and PRACK.
            uri: whom it is for.
            headers: further fields.
            body: the body.
            content_type: its type.
            follow: which redirects to follow, as of ``call``.

        Raises:
            FailedError: it was not answered with a 2xx; its ``failure`` says why.
            ValueError: the URI is none, or the method no request by itself.
        """
        if method in _NOT_ALONE:
            raise ValueError(f"{method} is no request by itself; make a call")
        target = str(read_uri(uri, "whom to ask, as sip:bob@example.com"))
        waiting = Waiting(self._driver.clock())

        def send(now: float) -> None:
            self._agent.send(
                method,
                target,
                now,
                waiting,
                headers=_pairs(headers),
                body=body,
                content_type=content_type,
                follow=follow,
            )

        self._driver.run(send)
        return await waiting.reply


def _complain(error: Exception) -> None:
    """Log what the application's own code raised while it was told of an event."""
    _logger.error("a fault of the application's", exc_info=error)


def _may_come(last: RegistrationFailed | Registered) -> bool:
    return isinstance(last, Registered) or last.retry_in is not None


def _pairs(headers: Headers) -> tuple[tuple[str, str], ...]:
    return tuple(headers.items() if isinstance(headers, Mapping) else headers)
