"""A running server: listeners, store, core, and their start and stop.

Use it as an asynchronous context manager; it serves from entering to leaving. Sockets are bound
first, so that a port in use is said before anything else happens; the store is read before the
first message, so that nobody is ever told a registered user is away.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
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
from ringway.endpoint import Decision, Endpoint, Listener
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
from ringway.server.certificates import client_tls, server_tls
from ringway.server.config import Config
from ringway.server.control import Conversation
from ringway.server.control_socket import NAME, bind_control
from ringway.server.core import Core
from ringway.server.keys import Identity, StateDir, new_identity
from ringway.server.unique import Unique
from ringway.server.values import Listen
from ringway.server.wiring import (
    domains_of,
    endpoint_settings,
    proxy_settings,
    redirect_rules,
    registrar_settings,
    synonyms_of,
    user_aor,
)
from ringway.transport.flow import SECURE_TRANSPORTS, UDP, Address
from ringway.transport.token import Sealer

__all__ = ["Server"]

EXPIRY_INTERVAL: Final = 5.0
"""Seconds between two looks at what has lapsed; look-ups skip lapsed bindings anyway."""

EXPIRY_PAUSE: Final = 0.05
"""Seconds to leave to calls when more has lapsed than one look takes out."""

Listening = Callable[[Decision], None]


class Server:
    """A SIP server.

    Args:
        config: what it is told; see `ringway.server.load`.
        on_decision: called with every decision, from within the loop; None costs nothing.
    """

    def __init__(self, config: Config, *, on_decision: Listening | None = None) -> None:
        self.config = config
        self.clock = Clock()
        self.domains: tuple[str, ...] = ()
        self.listeners: tuple[Listener, ...] = ()
        self._synonyms: Synonyms = NO_SYNONYMS
        self._on_decision = on_decision
        self._stack = AsyncExitStack()
        self._driver: Driver
        self._core: Core
        self._tls: ssl.SSLContext | None = None

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

    def reload_certificate(self) -> None:
        """Read certificate and key again, for the connections accepted from now on.

        Raises:
            ConfigError: they cannot be read or do not fit; the old ones stay.
        """
        tls = self.config.tls
        if self._tls is not None and tls.certificate is not None and tls.key is not None:
            server_tls(tls)  # tried on another context first: half loaded, one serves nobody
            self._tls.load_cert_chain(tls.certificate, tls.key)

    def _aor(self, user: str) -> str:
        return user_aor(user, self.domains, self._synonyms)

    # start

    async def _start(self, stack: AsyncExitStack) -> None:
        config = self.config
        self._tls = server_tls(config.tls)
        towards_others = client_tls(config.tls)
        identity = self._identity(stack)
        bound = [_bind(listen, stack) for listen in config.listen]
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
        if self._on_decision is not None:
            endpoint.listener = self._on_decision
        self._core = Core(
            endpoint,
            Location(bindings),
            redirects,
            Sealer(identity.keys, identity.node),
            proxy_settings(config, domains, synonyms),
            registrar_settings(config, domains, synonyms),
        )
        self._driver = await stack.enter_async_context(
            Driver(
                endpoint,
                resolver=self._resolver(),
                store=store,
                clock=self.clock,
                client_tls=towards_others,
                max_connections=config.limits.connections,
            )
        )
        for listen, sock in zip(config.listen, bound, strict=True):
            if listen.transport == UDP:
                self._driver.add_datagram(sock)
            else:
                secure = listen.transport in SECURE_TRANSPORTS
                await self._driver.add_stream(sock, listen.transport, self._tls if secure else None)
        self._driver.run(self._expire)
        if config.state_dir is not None:
            await self._open_control(config.state_dir, stack)

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


def _bind(listen: Listen, stack: AsyncExitStack) -> socket.socket:
    bind = bind_datagram if listen.transport == UDP else bind_stream
    try:
        sock = bind(listen.address)
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
