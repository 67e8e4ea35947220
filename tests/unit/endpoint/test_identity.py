import pytest
from tests.harness import LISTENERS

from ringway.endpoint import EndpointSettings, Listener
from ringway.endpoint.identity import Identity
from ringway.message import parse_uri, parse_via
from ringway.transport.flow import Address, NextHop

WILDCARD = Listener("udp", Address("0.0.0.0", 5060))
WILDCARD_TCP = Listener("tcp", Address("0.0.0.0", 5060))
SIX = Listener("udp", Address("2001:db8::1", 5060))
LOOPBACK = Listener("udp", Address("127.0.0.1", 5060))
OUTER = Listener("udp", Address("10.0.0.1", 5060))
BEHIND_NAT = Listener("tls", Address("10.0.0.1", 5061), Address("sip.example.test", 443))


def identity(*listeners: Listener, aliases: tuple[str, ...] = ()) -> Identity:
    return Identity(EndpointSettings(local=listeners, aliases=frozenset(aliases)))


def sent_by(who: Identity, transport: str, local: Address | None) -> str:
    return who.via_prefix(transport, local).partition(" ")[2].partition(";")[0]


class TestNumericHops:
    def test_a_name_has_to_be_asked_for(self) -> None:
        assert identity(*LISTENERS).numeric_hops(parse_uri("sip:a@b.test")) is None

    @pytest.mark.parametrize(
        ("uri", "hop"),
        [
            ("sip:192.0.2.1", NextHop("udp", Address("192.0.2.1", 5060), "192.0.2.1")),
            (
                "sip:192.0.2.1;transport=tcp",
                NextHop("tcp", Address("192.0.2.1", 5060), "192.0.2.1"),
            ),
            ("sip:a.test;maddr=192.0.2.9", NextHop("udp", Address("192.0.2.9", 5060), "a.test")),
            (
                "sip:192.0.2.1;maddr=192.0.2.9",
                NextHop("udp", Address("192.0.2.9", 5060), "192.0.2.1"),
            ),
        ],
    )
    def test_an_address_is_known_each_time(self, uri: str, hop: NextHop) -> None:
        who = identity(*LISTENERS)
        for _ in range(2):
            assert who.numeric_hops(parse_uri(uri)) == [hop]

    def test_no_long_text_is_remembered(self) -> None:
        who = identity(*LISTENERS)
        assert who.numeric_hops(parse_uri(f"sip:192.0.2.1;transport={'x' * 100}")) == []
        assert not who.is_self("x" * 100, 5060, "")
        assert not who.is_self("x", 5060, "y" * 100)
        assert not who._hops
        assert not who._selves


class TestVia:
    def test_names_the_listener(self) -> None:
        prefix = identity(*LISTENERS).via_prefix("udp", Address("10.0.0.1", 5060))
        assert prefix == "SIP/2.0/UDP 10.0.0.1:5060;rport;branch="

    def test_without_a_flow(self) -> None:
        assert identity(*LISTENERS).via_prefix("tls", None) == (
            "SIP/2.0/TLS 10.0.0.1:5061;rport;branch="
        )

    def test_a_connection_we_opened_names_the_listener_not_its_port(self) -> None:
        assert sent_by(identity(*LISTENERS), "tcp", Address("10.0.0.1", 50123)) == "10.0.0.1:5060"

    def test_advertised(self) -> None:
        assert sent_by(identity(BEHIND_NAT), "tls", BEHIND_NAT.address) == "sip.example.test:443"

    def test_ipv6(self) -> None:
        assert sent_by(identity(SIX), "udp", SIX.address) == "[2001:db8::1]:5060"

    def test_wildcard_takes_the_address_of_the_flow(self) -> None:
        who = identity(WILDCARD_TCP)
        assert sent_by(who, "tcp", Address("10.0.0.7", 50123)) == "10.0.0.7:5060"
        assert sent_by(who, "tcp", None) == "127.0.0.1:5060"

    def test_another_host_of_several(self) -> None:
        who = identity(*(Listener("tcp", Address(f"10.0.0.{n}", 5060)) for n in (1, 2, 3)))
        assert sent_by(who, "tcp", Address("10.0.0.2", 50123)) == "10.0.0.2:5060"
        assert sent_by(who, "tcp", Address("10.0.0.9", 50123)) == "10.0.0.1:5060"

    def test_what_we_do_not_listen_on_names_what_we_do(self) -> None:
        assert sent_by(identity(OUTER), "tcp", None) == "10.0.0.1:5060"

    def test_without_listeners(self) -> None:
        assert sent_by(identity(), "tcp", Address("10.0.0.1", 50123)) == "10.0.0.1:50123"
        assert sent_by(identity(), "tcp", None) == "localhost:5060"
        assert sent_by(identity(OUTER), "tls", None) == "localhost:5061"

    def test_knows_its_own(self) -> None:
        who = identity(*LISTENERS, SIX)
        for local in (Address("10.0.0.1", 5060), SIX.address):
            ours = parse_via(who.via_prefix("udp", local) + "z9hG4bKx")
            assert who.wrote(ours)
            assert who.wrote(ours._replace(params=(*ours.params, ("received", "1.2.3.4"))))
            assert not who.wrote(ours._replace(port=5062))
            assert not who.wrote(ours._replace(host="10.0.0.2"))

    def test_does_not_remember_every_port_for_ever(self) -> None:
        who = identity(*LISTENERS)
        for port in range(10_000, 12_000):
            who.via_prefix("tcp", Address("10.0.0.1", port))
        assert len(who._prefixes) <= 4096
        assert len(who._sent_by) == 1


class TestIsSelf:
    @pytest.mark.parametrize(
        ("host", "port", "transport"),
        [
            ("10.0.0.1", 5060, "udp"),
            ("10.0.0.1", None, ""),
            ("10.0.0.1", None, "tls"),
            ("10.0.0.1", 5061, ""),
            ("sip.example.test", 443, "tls"),
            ("SIP.example.test", 443, ""),
            ("ringway.test", None, ""),
            ("Ringway.Test", 5060, "tcp"),
            ("2001:db8::1", 5060, ""),
            ("[2001:DB8::1]", 5060, ""),
        ],
    )
    def test_is(self, host: str, port: int | None, transport: str) -> None:
        who = identity(*LISTENERS, SIX, BEHIND_NAT, aliases=("ringway.test",))
        assert who.is_self(host, port, transport)

    @pytest.mark.parametrize(
        ("host", "port"),
        [
            ("10.0.0.2", 5060),
            ("10.0.0.1", 5070),
            ("ringway.test", 9999),
            ("example.test", None),
            ("sip.example.test", None),
        ],
    )
    def test_is_not(self, host: str, port: int | None) -> None:
        who = identity(*LISTENERS, BEHIND_NAT, aliases=("ringway.test",))
        assert not who.is_self(host, port, "")


class TestUri:
    @pytest.mark.parametrize(
        ("transport", "uri"),
        [
            ("udp", "sip:token@10.0.0.1:5060"),
            ("tcp", "sip:token@10.0.0.1:5060;transport=tcp"),
            ("tls", "sip:token@10.0.0.1:5061;transport=tls"),
            ("ws", "sip:token@10.0.0.1:80;transport=ws"),
            ("wss", "sip:token@10.0.0.1:443;transport=ws"),
        ],
    )
    def test_for_each_transport(self, transport: str, uri: str) -> None:
        assert identity(*LISTENERS).uri(transport, "token", None) == uri

    def test_without_a_user(self) -> None:
        assert identity(SIX).uri("udp", "", None) == "sip:[2001:db8::1]:5060"


class TestDatagramLocal:
    def test_of_the_same_family(self) -> None:
        who = identity(OUTER, SIX)
        assert who.datagram_local("2001:db8::9") == SIX.address
        assert who.datagram_local("10.0.0.9") == OUTER.address

    def test_loopback_to_loopback(self) -> None:
        who = identity(LOOPBACK, OUTER)
        assert who.datagram_local("127.0.0.9") == LOOPBACK.address
        assert who.datagram_local("10.0.0.9") == OUTER.address

    def test_a_wildcard_reaches_all(self) -> None:
        who = identity(WILDCARD)
        assert who.datagram_local("127.0.0.9") == WILDCARD.address
        assert who.datagram_local("10.0.0.9") == WILDCARD.address

    def test_the_wrong_one_rather_than_none(self) -> None:
        assert identity(LOOPBACK).datagram_local("10.0.0.9") == LOOPBACK.address

    def test_none(self) -> None:
        assert identity(BEHIND_NAT).datagram_local("10.0.0.9") is None
        assert identity(OUTER).datagram_local("2001:db8::9") is None
