from typing import Any

import pytest

from ringway.codes import Role
from ringway.endpoint import Listener
from ringway.errors import ConfigError, ParseError
from ringway.location import When
from ringway.proxy import History, Relay
from ringway.server.config.load import make_config
from ringway.server.wiring import (
    domains_of,
    endpoint_settings,
    proxy_settings,
    redirect_rules,
    registrar_settings,
    synonyms_of,
    user_aor,
)
from ringway.transport.flow import Address

LOOPBACK = Listener("udp", Address("127.0.0.1", 5060))
PUBLIC = Listener("udp", Address("192.0.2.1", 5060), Address("sip.example.com", 5080))
EVERYWHERE = Listener("tcp", Address("::", 5060))


class TestDomains:
    def test_are_what_is_configured(self) -> None:
        assert domains_of(make_config(domains=["example.com"]), [LOOPBACK]) == {"example.com"}

    def test_or_how_we_are_reached(self) -> None:
        assert domains_of(make_config(), [LOOPBACK]) == {"127.0.0.1", "localhost"}
        assert domains_of(make_config(), [PUBLIC]) == {"sip.example.com"}


class TestSynonyms:
    def test_are_our_aliases_and_addresses(self) -> None:
        config = make_config(domains=["example.com", "example.org"], aliases=["pbx.example.com"])
        assert synonyms_of(config, [LOOPBACK, PUBLIC]) == dict.fromkeys(
            ["pbx.example.com", "127.0.0.1", "localhost", "192.0.2.1", "sip.example.com"],
            "example.com",
        )
        assert "example.org" not in synonyms_of(config, [])

    def test_without_domains_there_is_nothing_to_mean(self) -> None:
        assert synonyms_of(make_config(aliases=["pbx.example.com"]), [LOOPBACK]) == {}

    def test_are_understood_in_redirects(self) -> None:
        config = make_config(
            domains=["example.com"],
            aliases=["pbx.example.com"],
            redirect=[{"user": "bob@pbx.example.com", "to": "sip:x@y"}],
        )
        [rule] = redirect_rules(config, config.domains, 0.0, synonyms_of(config))
        assert rule.aor == "sip:bob@example.com"


class TestEndpoint:
    def test_without_passwords_only_pages_of_its_own_hosts_connect(self) -> None:
        def hosts(**settings: Any) -> frozenset[str] | None:
            config = make_config(domains=["example.com"], aliases=["a.example"], **settings)
            return endpoint_settings(config, (PUBLIC, LOOPBACK)).page_hosts

        assert hosts(no_auth=True) == frozenset({"192.0.2.1", "sip.example.com", "127.0.0.1"})
        assert hosts() is None
        assert hosts(no_auth=True, websocket={"origins": ["https://a.example"]}) is None

    def test_knows_itself_by_every_name(self) -> None:
        config = make_config(domains=["example.com"], aliases=["pbx.example.com"])
        settings = endpoint_settings(config, (PUBLIC, EVERYWHERE))
        assert settings.aliases == {"example.com", "pbx.example.com", "localhost", "::1"}
        everywhere4 = Listener("udp", Address("0.0.0.0", 5060))
        assert "127.0.0.1" in endpoint_settings(config, (everywhere4,)).aliases

    def test_has_its_timers_and_limits(self) -> None:
        config = make_config(
            timers={"t1": 0.1}, limits={"message_size": 4096, "header_size": 8192, "headers": 100}
        )
        settings = endpoint_settings(config, (LOOPBACK,))
        assert (settings.timers.t1, settings.timers.t2) == (0.1, 4.0)
        assert settings.limits == (8192, 4096, 100)

    def test_lets_only_some_web_pages_in(self) -> None:
        config = make_config(websocket={"origins": "https://Phone.example.com"})
        settings = endpoint_settings(config, (LOOPBACK,))
        assert settings.origins == ("https://phone.example.com",)

    def test_an_origin_has_no_path(self) -> None:
        with pytest.raises(ConfigError, match=r"websocket.origins.*the origin of a web page"):
            make_config(websocket={"origins": ["https://phone.example.com/x"]})


class TestProxy:
    def test_of_an_edge(self) -> None:
        config = make_config(role="edge", registrar="sip:192.0.2.9:5070")
        settings = proxy_settings(config, frozenset())
        assert settings.role is Role.EDGE
        assert settings.registrar is not None
        assert settings.registrar.port == 5070

    def test_of_a_registrar(self) -> None:
        config = make_config(
            role="registrar",
            relay="registered",
            history="diversion",
            recurse={"domains": ["hotel.example"], "depth": 2},
            timers={"ring_timeout": 30, "flow_timer": 0},
        )
        settings = proxy_settings(config, frozenset({"example.com"}))
        assert settings.role is Role.PROXY
        assert settings.registrar is None
        assert settings.domains == {"example.com"}
        assert (settings.relay, settings.history) == (Relay.REGISTERED, History.DIVERSION)
        assert settings.recursion.domains == {"hotel.example"}
        assert settings.recursion.depth == 2
        assert (settings.ring_timeout, settings.flow_timer) == (30.0, 0)


class TestRegistrar:
    def test_spreads_expiries_by_chance(self) -> None:
        config = make_config(
            registration={"min_expires": 10, "default_expires": 100, "max_expires": 1000},
            timers={"flow_timer": 30},
        )
        settings = registrar_settings(config, frozenset({"example.com"}))
        assert (settings.min_expires, settings.default_expires, settings.max_expires) == (
            10,
            100,
            1000,
        )
        assert settings.flow_timer == 30
        assert 0.0 <= settings.rng() < 1.0

    def test_a_flow_timer_of_0_is_none(self) -> None:
        assert (
            registrar_settings(make_config(timers={"flow_timer": 0}), frozenset()).flow_timer
            is None
        )

    def test_behind_edges(self) -> None:
        for role, behind in (("all", False), ("registrar", True)):
            config = make_config(role=role, registration={"require_path": behind})
            settings = registrar_settings(config, frozenset())
            assert (settings.behind_edges, settings.require_path_support) == (behind, behind)

    def test_an_edge_does_not_know_who_has_registered(self) -> None:
        with pytest.raises(ConfigError, match="relay = 'registered' is not allowed"):
            make_config(role="edge", registrar="sip:192.0.2.9", relay="registered")


class TestUser:
    @pytest.mark.parametrize(
        ("text", "domains", "aor"),
        [
            ("alice", ("example.com", "example.org"), "sip:alice@example.com"),
            ("alice", (), "sip:alice@localhost"),
            ("alice@example.org", ("example.com",), "sip:alice@example.org"),
            ("SIP:alice@Example.ORG:5060;x=y", (), "sip:alice@example.org"),
        ],
    )
    def test_is_an_address_of_record(self, text: str, domains: tuple[str, ...], aor: str) -> None:
        assert user_aor(text, domains) == aor

    def test_or_a_fault(self) -> None:
        with pytest.raises(ParseError):
            user_aor("sip:", ())


def test_redirects_are_tried_in_the_order_they_are_written() -> None:
    config = make_config(
        redirect=[{"user": "bob", "to": ["sip:a@b", "sip:c@d"], "for": 60, "when": "no-answer"}]
    )
    [rule] = redirect_rules(config, ["example.com"], 1000.0)
    assert (rule.aor, rule.when, rule.until) == ("sip:bob@example.com", When.NO_ANSWER, 1060.0)
    (first, high), (second, low) = rule.targets
    assert (first, second) == ("sip:a@b", "sip:c@d")
    assert high > low


def test_a_redirect_that_makes_no_rule_is_named() -> None:
    config = make_config(
        redirect=[{"user": "a", "to": "sip:x@y"}, {"user": "bob", "to": "tel:1", "status": 305}]
    )
    with pytest.raises(ConfigError, match=r"redirect\[1\] = 'bob' is not allowed; use a user and"):
        redirect_rules(config, ["example.com"], 0.0)
