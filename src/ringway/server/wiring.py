"""From the configuration to the settings of each role: the only place that knows both.

Nothing is decided here; a setting that several roles need is handed to each of them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from ringway.codes import Role
from ringway.endpoint import EndpointSettings, Listener, Timers
from ringway.errors import ConfigError, ParseError
from ringway.location import NO_SYNONYMS, RedirectRule, Synonyms, When, aor_of
from ringway.message import parse_uri
from ringway.proxy import History, ProxySettings, RecursionPolicy, Relay
from ringway.redirect import make_rule
from ringway.registrar import RegistrarSettings
from ringway.server.config.sections import RedirectConfig
from ringway.server.config.settings import Config, RoleChoice
from ringway.server.limits.guard import GuardSettings
from ringway.transport.flow import is_numeric
from ringway.transport.frames import FramingLimits

__all__ = [
    "domains_of",
    "endpoint_settings",
    "guard_settings",
    "in_order",
    "proxy_settings",
    "redirect_rules",
    "registrar_settings",
    "synonyms_of",
    "user_aor",
]


def domains_of(config: Config, listeners: Sequence[Listener]) -> frozenset[str]:
    """The domains we are responsible for; without any, the addresses we are reached at."""
    if config.domains:
        return frozenset(config.domains)
    return frozenset(
        (listener.advertised or listener.address).host for listener in listeners
    ) | _local_names(listeners)


def synonyms_of(config: Config, listeners: Sequence[Listener] = ()) -> dict[str, str]:
    """The other hosts that mean our first domain: aliases, and the addresses we are reached at.

    A phone may be told the address of its server and nothing else. Without domains there is
    nothing to mean: each address is then a domain.
    """
    if not config.domains:
        return {}
    hosts = set(config.aliases) | _local_names(listeners)
    for listener in listeners:
        hosts.add(listener.address.host)
        if listener.advertised is not None:
            hosts.add(listener.advertised.host.lower())
    return dict.fromkeys(hosts.difference(config.domains), config.domains[0])


def endpoint_settings(config: Config, listeners: tuple[Listener, ...]) -> EndpointSettings:
    """The endpoint's settings for listeners that are bound."""
    limits = config.limits
    return EndpointSettings(
        local=listeners,
        aliases=frozenset(config.aliases) | frozenset(config.domains) | _local_names(listeners),
        software="Ringway",
        timers=Timers(t1=config.timers.t1, t2=config.timers.t2, t4=config.timers.t4),
        limits=FramingLimits(
            head=limits.header_size, body=limits.message_size, headers=limits.headers
        ),
        origins=config.websocket.origins,
        page_hosts=_page_hosts(config, listeners),
        message_time=limits.message_time,
        handshake_time=limits.handshake_time,
    )


def guard_settings(config: Config) -> GuardSettings:
    """The bounds for requests and connections.

    Everybody reaches a registrar behind edges from the address of an edge, and everybody outside
    an edge's own reach from that of its registrar: there the other one counts.
    """
    limits = config.limits
    alone = config.role is not RoleChoice.REGISTRAR
    exempt = [*limits.exempt, *(network for peer in config.peer for network in peer.addresses)]
    if config.registrar is not None:
        host = parse_uri(config.registrar).host
        if is_numeric(host):
            exempt.append(ip_network(host))
    return GuardSettings(
        transactions=limits.transactions,
        request_rate=limits.request_rate if alone else 0.0,
        request_burst=limits.request_burst,
        ban_failures=limits.ban_failures if alone else 0,
        ban_window=limits.ban_window,
        ban_time=limits.ban_time,
        sources=limits.sources,
        connections=limits.connections,
        connections_per_source=limits.connections_per_source if alone else 0,
        handshakes_per_source=limits.handshakes_per_source if alone else 0,
        exempt=tuple(exempt),
        lag=limits.lag,
        retry_after=limits.retry_after,
    )


def _page_hosts(config: Config, listeners: Sequence[Listener]) -> frozenset[str] | None:
    """The hosts whose web pages may connect; None where a password or a list keeps others out."""
    if not config.no_auth or config.websocket.origins:
        return None
    places = [(listener.address, listener.advertised) for listener in listeners]
    return frozenset(place.host.lower() for pair in places for place in pair if place is not None)


def _local_names(listeners: Sequence[Listener]) -> frozenset[str]:
    """What this machine calls itself where a listener takes what it sends to itself."""
    names: set[str] = set()
    for listener in listeners:
        address = ip_address(listener.address.host)
        if address.is_loopback:
            names.add("localhost")
        elif address.is_unspecified:
            names |= {"localhost", "127.0.0.1" if address.version == 4 else "::1"}
    return frozenset(names)


def proxy_settings(
    config: Config, domains: frozenset[str], synonyms: Synonyms = NO_SYNONYMS
) -> ProxySettings:
    """The proxy's settings."""
    timers = config.timers
    return ProxySettings(
        domains=domains,
        synonyms=synonyms,
        role=Role.EDGE if config.role is RoleChoice.EDGE else Role.PROXY,
        registrar=parse_uri(config.registrar) if config.registrar else None,
        flow_timeout=timers.flow_timeout,
        request_flow_timeout=timers.request_flow_timeout,
        flow_timer=int(timers.flow_timer),
        ring_timeout=timers.ring_timeout,
        timer_c=timers.timer_c,
        max_breadth=config.limits.max_breadth,
        recursion=RecursionPolicy(
            domains=config.recurse.domains,
            depth=config.recurse.depth,
            targets=config.recurse.targets,
            headers=config.recurse.headers,
        ),
        history=History(config.history),
        relay=Relay(config.relay),
        realms=domains,
    )


def registrar_settings(
    config: Config, domains: frozenset[str], synonyms: Synonyms = NO_SYNONYMS
) -> RegistrarSettings:
    """The registrar's settings."""
    registration = config.registration
    return RegistrarSettings(
        domains=domains,
        synonyms=synonyms,
        default_expires=int(registration.default_expires),
        min_expires=int(registration.min_expires),
        max_expires=int(registration.max_expires),
        spread=registration.spread,
        rng=random.random,
        max_bindings=registration.max_contacts,
        require_path_support=registration.require_path,
        behind_edges=config.role is RoleChoice.REGISTRAR,
        flow_timer=int(config.timers.flow_timer) or None,
    )


def user_aor(user: str, domains: Sequence[str], synonyms: Synonyms = NO_SYNONYMS) -> str:
    """The address-of-record that a user part, or a whole URI, means.

    Raises:
        ParseError: it is no URI.
    """
    if ":" not in user:
        name = user if "@" in user else f"{user}@{domains[0] if domains else 'localhost'}"
        user = f"sip:{name}"
    return aor_of(parse_uri(user), synonyms)


def in_order(uris: Sequence[str]) -> list[tuple[str, float]]:
    """(URI, q) pairs for targets that are given best first."""
    return [(uri, round(1.0 - index / len(uris), 3)) for index, uri in enumerate(uris)]


def redirect_rules(
    config: Config, domains: Sequence[str], now: float, synonyms: Synonyms = NO_SYNONYMS
) -> list[RedirectRule]:
    """The rules that stand in the configuration.

    Args:
        config: the configuration.
        domains: ours; the first one is meant by a user without a domain.
        now: seconds; a duration counts from here.
        synonyms: other hosts for our domains.

    Raises:
        ConfigError: one of them makes no rule.
    """
    rules: list[RedirectRule] = []
    for number, redirect in enumerate(config.redirect):
        try:
            rules.append(_rule(redirect, domains, now, synonyms))
        except (ValueError, ParseError) as error:
            key = f"redirect[{number}]"
            allowed = f"a user and targets that make a redirect: {error}"
            raise ConfigError("settings", key, redirect.user, allowed) from None
    return rules


def _rule(
    redirect: RedirectConfig, domains: Sequence[str], now: float, synonyms: Synonyms
) -> RedirectRule:
    until = now + redirect.lasts if redirect.lasts is not None else None
    if redirect.until is not None:
        until = redirect.until.timestamp()
    return make_rule(
        user_aor(redirect.user, domains, synonyms),
        in_order(redirect.to),
        status=redirect.status,
        when=When(redirect.when),
        until=until,
    )
