"""A running server: listeners, store, core, and their start and stop.

Use it as an asynchronous context manager; it serves from entering to leaving. Sockets are bound
first, so that a port in use is said before anything else happens; the store is read before the
first message, so that nobody is ever told a registered user is away.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ringway.aio.clock import Clock
from ringway.aio.driver import Driver
from ringway.aio.resolver import Resolver, ask_dns
from ringway.aio.sockets import address_of, bind_datagram, bind_stream, primary_host
from ringway.aio.stores import MemoryStore, SqliteStore
from ringway.aio.unique import Unique
from ringway.auth import Authenticator, Users
from ringway.endpoint import Decision, Endpoint, Kind, Listener, Witnessed
from ringway.errors import ConfigError, StoreError
from ringway.location import (
    NO_SYNONYMS,
    Binding,
    Location,
    Persist,
    PutRedirect,
    RedirectChange,
    RedirectRule,
    Store,
    Synonyms,
    When,
)
from ringway.redirect import RedirectTable, make_rule
from ringway.server.admission import Admission, Peers
from ringway.server.certificates import Certificates
from ringway.server.config.reload import changed_keys, with_live_keys
from ringway.server.config.settings import Config, RoleChoice
from ringway.server.config.values import Listen
from ringway.server.core import Core
from ringway.server.keys import Identity, StateDir, new_identity
from ringway.server.limits.guard import Guard
from ringway.server.neighbours import Neighbours, follow
from ringway.server.operations.control import Conversation
from ringway.server.operations.control_socket import NAME, bind_control
from ringway.server.operations.drain import ClosedGate, all_answered
from ringway.server.operations.hep import HepExport, witnesses
from ringway.server.operations.metrics import Exporter
from ringway.server.operations.systemd import describe_sockets, take_socket
from ringway.server.policy import Handler, Policy, default_policy, open_policy
from ringway.server.trust import (
    authenticator,
    doubts,
    exposed,
    find_named,
    find_peers,
    find_users,
    policy_rules,
)
from ringway.server.wiring import (
    domains_of,
    endpoint_settings,
    guard_settings,
    proxy_settings,
    redirect_rules,
    registrar_settings,
    synonyms_of,
    user_aor,
)
from ringway.transport.flow import SECURE_TRANSPORTS, UDP, Address, Flow
from ringway.transport.token import Sealer

__all__ = ["Server"]

STORE_TROUBLE: Final = 30.0
"""Seconds after a change that was not kept in which a server does not count as ready."""

EXPIRY_INTERVAL: Final = 5.0
"""Seconds between two looks at what has lapsed; look-ups skip lapsed bindings anyway."""

EXPIRY_PAUSE: Final = 0.05
"""Seconds to leave to calls when more has lapsed than one look takes out."""

Listening = Callable[[Decision], None]

_logger = logging.getLogger("ringway.server")


class Server:
    """A SIP server.

    Args:
        config: what it is told; see `ringway.server.config.load`.
        on_decision: called with every decision, from within the loop; None costs nothing.
        on_message: called with every message that comes or goes, in the same way.
        handler: decides about each new request; see `ringway.server.policy`. The default policy
            without it.
        sockets: bound already, by who started this process; taken for what listens there.
    """

    def __init__(
        self,
        config: Config,
        *,
        on_decision: Listening | None = None,
        on_message: Callable[[Witnessed], None] | None = None,
        handler: Handler | None = None,
        sockets: Sequence[socket.socket] = (),
    ) -> None:
        self.config = config
        self.handler = handler
        self.clock = Clock()
        self.domains: tuple[str, ...] = ()
        self.listeners: tuple[Listener, ...] = ()
        self._synonyms: Synonyms = NO_SYNONYMS
        self._on_decision = on_decision
        self._on_message = on_message
        self._users = Users()
        self._stack = AsyncExitStack()
        self._driver: Driver
        self._core: Core
        self._guard: Guard
        self._exporter: Exporter
        self._certificates: Certificates
        self._authenticator: Authenticator | None = None
        self._sockets = list(sockets)
        self.draining = False
        """Whether it takes no new work any more."""

    async def __aenter__(self) -> Self:
        """Start serving.

        Raises:
            ConfigError: an address, a certificate or the state directory cannot be used.
            StoreError: the store cannot be read.
        """
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close every socket, and the store last."""
        await self._stack.__aexit__(kind, error, traceback)

    # for who runs it

    def bindings(self, aor: str | None = None) -> list[Binding]:
        """The current bindings, of one address-of-record or of all."""
        now = self.clock()
        location = self._core.location
        aors = list(location.aors(now)) if aor is None else [self._aor(aor)]
        return [binding for each in aors for binding in location.bindings(each, now)]

    def redirects(self, aor: str | None = None) -> list[RedirectRule]:
        """The redirect rules that stand, of one address-of-record or of all."""
        name = None if aor is None else self._aor(aor)
        return list(self._core.redirects.rules(self.clock(), name))

    async def set_redirect(
        self,
        aor: str,
        targets: Sequence[tuple[str, float]],
        *,
        seconds: float | None = None,
        status: int = 302,
        when: When = When.ALWAYS,
    ) -> RedirectRule:
        """Send the callers of a user elsewhere; kept over restarts.

        Args:
            aor: the user, or the user part in our first domain.
            targets: (URI, q) pairs.
            seconds: for how long; None until it is cleared.
            status: 300, 301, 302 or 305.
            when: always, or after which failure.

        Raises:
            ValueError, ParseError: it makes no rule.
            StoreError: it could not be kept, and does not stand.
        """
        until = None if seconds is None else self.clock() + seconds
        rule = make_rule(self._aor(aor), targets, status=status, when=when, until=until)
        await self._change((PutRedirect(rule),))
        return rule

    async def clear_redirects(self, aor: str, when: When | None = None) -> int:
        """Clear the rules of a user, or the one for one case; returns how many there were.

        Raises:
            ParseError: the user is no URI.
            StoreError: it could not be kept, and they still stand.
        """
        changes = self._core.redirects.clear(self._aor(aor), when)
        if changes:
            await self._change(changes)
        return len(changes)

    def metrics(self) -> bytes:
        """What has been counted, as Prometheus reads it."""
        return self._exporter.text()

    def trouble(self) -> str:
        """Why this server should get no new work, in a few words; empty when it is ready.

        A store that failed counts for a while only: whether it works again shows with the next
        change, which nobody sends to a server that is called sick for ever.
        """
        if self.draining:
            return "draining"
        failed_at = self._driver.store_failed_at
        if failed_at is not None and self.clock() - failed_at < STORE_TROUBLE:
            return "the store does not answer"
        return ""

    async def drain(self, hurry: asyncio.Event) -> int:
        """Take no new work, and wait for what is under way, for `timers.drain` seconds at most.

        What still waits then is given up: its callers get 503, and nobody rings any more.

        Args:
            hurry: ends the wait when it is set.

        Returns:
            How many requests were given up.
        """
        self.draining = True
        endpoint, seconds = self._core.endpoint, self.config.timers.drain
        gate = endpoint.gate = ClosedGate(endpoint.gate, seconds)
        left = await all_answered(lambda: endpoint.unanswered, seconds, hurry)
        if left:
            self._driver.run(lambda now: self._core.abandon(gate.retry_after, now))
        return left

    def reload(self, config: Config | None = None) -> list[str]:
        """Read certificates and users again, and take over what may change while serving.

        Args:
            config: what it is told now; None: the same as before.

        Returns:
            The keys that differ and wait for a restart, see `ringway.server.config.reload`.

        Raises:
            ConfigError: a file is not what it should be; everything stays as it was.
        """
        told = config if config is not None else self.config
        old, new = self.config, with_live_keys(self.config, told)
        now = self.clock()
        users = find_users(new, self.domains) if self._authenticator is not None else None
        rules = redirect_rules(new, self.domains, now, self._synonyms)
        self._certificates.read(new.tls)  # the last that can fail
        self.config = new
        self._driver.client_tls = self._certificates.towards_others
        if self._authenticator is not None and users is not None:
            self._authenticator.users = self._users = users
            self._doubt_users(new)
        domains = domains_of(new, self.listeners)
        self._core.proxy.configure(proxy_settings(new, domains, self._synonyms))
        if self._core.registrar is not None:
            settings = registrar_settings(new, domains, self._synonyms)
            self._core.registrar.configure(settings)
        if old.redirect != new.redirect:
            table = self._core.redirects
            for rule in redirect_rules(old, self.domains, now, self._synonyms):
                table.apply(table.clear(rule.aor, rule.when))
            table.apply([PutRedirect(rule) for rule in rules])
        return changed_keys(new, told)

    def _aor(self, user: str) -> str:
        return user_aor(user, self.domains, self._synonyms)

    # start

    async def _start(self, stack: AsyncExitStack) -> None:
        config = self.config
        self._certificates = Certificates(config.tls)
        identity = self._identity(stack)
        bound = [_bind(listen, stack, self._sockets) for listen in config.listen]
        if self._sockets:
            unused = describe_sockets(self._sockets)
            _logger.warning("nothing listens on these sockets we were given: %s", unused)
            while self._sockets:
                self._sockets.pop().close()
        self.listeners = tuple(
            _listener(config, listen, sock)
            for listen, sock in zip(config.listen, bound, strict=True)
        )
        domains = domains_of(config, self.listeners)
        self.domains = config.domains or tuple(sorted(domains))
        synonyms = self._synonyms = synonyms_of(config, self.listeners)
        store = self._store()
        stack.push_async_callback(store.close)
        now = self.clock()
        bindings, rules = await store.load(now)
        redirects = RedirectTable(rules)
        configured = redirect_rules(config, self.domains, now, synonyms)
        redirects.apply([PutRedirect(rule) for rule in configured])
        endpoint = Endpoint(
            endpoint_settings(config, self.listeners),
            Unique(),
            identity.generation,
        )
        endpoint.listener = self._on_decision
        copies = await stack.enter_async_context(HepExport(config.hep, self.listeners))
        endpoint.witness = witnesses(self._on_message, copies.witness)
        guard = self._guard = self._make_guard(endpoint)
        endpoint.gate = guard
        self._core = Core(
            endpoint,
            Location(bindings),
            redirects,
            Sealer(identity.keys, identity.node),
            proxy_settings(config, domains, synonyms),
            registrar_settings(config, domains, synonyms),
        )
        peers = find_peers(config, endpoint.certificate_names)
        self._core.admission = self._admission(endpoint, synonyms, peers)
        resolver = self._resolver()
        self._driver = await stack.enter_async_context(
            Driver(
                endpoint,
                resolver=resolver,
                store=store,
                clock=self.clock,
                client_tls=self._certificates.towards_others,
                door=guard,
                lag=guard.overload.measured,
                write_limit=config.limits.write_buffer,
                handshake_time=config.limits.handshake_time,
                flow_timer=config.timers.flow_timer,
            )
        )
        for listen, sock in zip(config.listen, bound, strict=True):
            if listen.transport == UDP:
                self._driver.add_datagram(sock)
            else:
                secure = listen.transport in SECURE_TRANSPORTS
                tls = self._certificates.accepting if secure else None
                await self._driver.add_stream(sock, listen.transport, tls)
        self._exporter = Exporter(endpoint, guard, self._core.location, self._driver, copies)
        self._driver.run(self._expire)
        registrar = self._core.proxy.settings.registrar
        named = find_named(lambda: self.config)
        neighbours = Neighbours(peers, registrar=registrar is not None, named=named)
        self._core.proxy.believes = neighbours.knows
        if config.edge.path_from == "registrar":
            self._core.proxy.refuses_path = neighbours.refusal
        if registrar is not None:
            neighbours.located(resolver.locate_now(registrar) or (), self.clock())
            self._driver.spawn(follow(registrar, resolver, neighbours, self.clock))
        if config.state_dir is not None:
            await self._open_control(config.state_dir, stack)

    def _make_guard(self, endpoint: Endpoint) -> Guard:
        """Who keeps requests and connections within bounds."""
        settings = guard_settings(self.config)
        peers = find_peers(self.config, endpoint.certificate_names)

        def known(flow: Flow) -> bool:  # peers that are known by their addresses are exempt anyway
            return bool(endpoint.certificate_names(flow)) and peers(flow) is not None

        def banned(source: str, now: float) -> None:
            text = f"{source} is not heard for {settings.ban_time:g} s: too many failures"
            endpoint.note(Decision(at=now, kind=Kind.DROPPED, text=text))

        return Guard(
            settings,
            lambda: endpoint.transactions,
            endpoint.counters.over,
            banned=banned,
            is_known=known if any(peer.certificates for peer in self.config.peer) else None,
        )

    def _admission(self, endpoint: Endpoint, synonyms: Synonyms, peers: Peers) -> Admission | None:
        """Who decides about new requests; None where everyone may do everything."""
        config = self.config
        closed = not config.no_auth and config.role is not RoleChoice.EDGE
        if not closed and self.handler is None:
            return None
        default: Policy = open_policy
        if closed:
            self._users = find_users(config, self.domains)
            self._doubt_users(config)
            default = default_policy(policy_rules(config, self.domains, synonyms))
            self._authenticator = authenticator(config, self.domains, self._users)
        return Admission(
            endpoint,
            self._core,
            self.handler,
            default=default,
            authenticator=self._authenticator,
            peers=peers,
            is_ours=self._core.proxy.is_ours,
            synonyms=synonyms,
            seconds=config.timers.handler,
            most=config.limits.handlers,
        )

    def _doubt_users(self, config: Config) -> None:
        for doubt in (*doubts(self._users, self.domains, config.auth.algorithms), exposed(config)):
            if doubt:
                _logger.warning("%s", doubt)

    async def _open_control(self, state_dir: Path, stack: AsyncExitStack) -> None:
        try:
            sock = bind_control(state_dir)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            allowed = f"a directory that can hold a Unix socket ({reason})"
            raise ConfigError("settings", "state_dir", str(state_dir), allowed) from None
        loop = asyncio.get_running_loop()
        control = await loop.create_unix_server(
            lambda: Conversation(self, self._driver.spawn), sock=sock
        )
        stack.callback(control.close)
        stack.callback(_unlink_quietly, state_dir / NAME)

    def _identity(self, stack: AsyncExitStack) -> Identity:
        if self.config.state_dir is None:
            return new_identity()
        return stack.enter_context(StateDir(self.config.state_dir)).identity(self.clock())

    def _store(self) -> Store:
        path = self.config.store_path
        return MemoryStore() if path is None else SqliteStore(path)

    def _resolver(self) -> Resolver:
        hosts = [listener.address.host for listener in self.listeners]
        families = tuple(
            family
            for family, here in (
                ("A", any(":" not in host for host in hosts)),
                ("AAAA", any(":" in host for host in hosts)),
            )
            if here
        )
        servers = [_nameserver(text) for text in self.config.dns.nameservers]
        return Resolver(ask_dns(servers), families=families, timeout=self.config.dns.timeout)

    def _expire(self, now: float) -> None:
        due = self._core.expire(now)
        # One look takes out a bounded part: when more has lapsed, the next look comes soon.
        wait = EXPIRY_INTERVAL if due is None or due > now else EXPIRY_PAUSE
        self._core.endpoint.timer(now + wait, self._expire)

    async def _change(self, changes: tuple[RedirectChange, ...]) -> None:
        """Keep redirect changes, then make them stand."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done(error: StoreError | None, _now: float) -> None:
            if error is None:
                kept.set_result(None)
            else:
                kept.set_exception(error)

        self._driver.run(lambda _now: self._core.endpoint.emit(Persist(changes, done)))
        await kept
        self._core.redirects.apply(changes)


def _bind(listen: Listen, stack: AsyncExitStack, passed: list[socket.socket]) -> socket.socket:
    bind = bind_datagram if listen.transport == UDP else bind_stream
    try:
        sock = take_socket(passed, listen) or bind(listen.address)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        allowed = f"an address of this machine with a free port ({reason})"
        raise ConfigError("settings", "listen", str(listen), allowed) from None
    stack.callback(_close_quietly, sock)
    return sock


def _close_quietly(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.close()


def _unlink_quietly(path: Path) -> None:
    with suppress(OSError):  # gone already, or the disk takes no more
        path.unlink()


def _listener(config: Config, listen: Listen, sock: socket.socket) -> Listener:
    """Describe a bound socket; a wildcard is advertised as the address it is reached at."""
    address = address_of(sock)
    advertised = config.advertised(listen)
    if advertised is not None:
        return Listener(
            listen.transport, address, Address(advertised.host, advertised.port or address.port)
        )
    if listen.wildcard:
        host = primary_host(address.host)
        if host is not None:
            return Listener(listen.transport, address, Address(host, address.port))
    return Listener(listen.transport, address)


def _nameserver(text: str) -> Address:
    host, colon, port = text.rpartition(":")
    if colon and port.isdigit() and (":" not in host or host.endswith("]")):
        return Address(host.strip("[]"), int(port))
    return Address(text.strip("[]"), 53)
