from pathlib import Path

import pytest

from ringway.server.config.values import (
    Advertised,
    Collector,
    Listen,
    StoreChoice,
    default_state_dir,
    format_duration,
    read_advertised,
    read_collector,
    read_domain,
    read_duration,
    read_hep_listen,
    read_listen,
    read_store,
)
from ringway.transport.flow import Address


class TestListen:
    @pytest.mark.parametrize(
        ("text", "transport", "host", "port"),
        [
            ("udp:127.0.0.1:5060", "udp", "127.0.0.1", 5060),
            (" TCP:10.0.0.1:5080 ", "tcp", "10.0.0.1", 5080),
            ("tls:[::1]:5061", "tls", "::1", 5061),
            ("tls:[::1]", "tls", "::1", 5061),
            ("udp:::1", "udp", "::1", 5060),
            ("ws:localhost:0", "ws", "127.0.0.1", 0),
            ("wss:*", "wss", "0.0.0.0", 443),
            ("udp:[2001:DB8:0::1]:1", "udp", "2001:db8::1", 1),
        ],
    )
    def test_reads(self, text: str, transport: str, host: str, port: int) -> None:
        assert read_listen(text) == Listen(transport, Address(host, port))

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "udp",
            "udp:",
            "sctp:127.0.0.1:5060",
            "udp:example.com:5060",
            "udp:127.0.0.1:",
            "udp:127.0.0.1:70000",
            "udp:127.0.0.1:-1",
            "udp:127.0.0.1:\u0665",
            "udp:[::1:5060",
            "udp:[::1]x",
            "udp:[::1]:",
            "udp::5060",
        ],
    )
    def test_says_what_is_allowed_instead(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"for instance udp:127.0.0.1:5060"):
            read_listen(text)

    def test_knows_who_reaches_it(self) -> None:
        assert not read_listen("udp:127.0.0.1").public
        assert read_listen("udp:192.0.2.1").public
        assert read_listen("udp:*").public
        assert read_listen("udp:*").wildcard
        assert not read_listen("udp:[::1]").wildcard

    def test_writes_what_it_reads(self) -> None:
        assert str(read_listen("tls:[::1]:5061")) == "tls:[::1]:5061"


class TestCollector:
    @pytest.mark.parametrize(
        ("text", "transport", "host", "port", "shown"),
        [
            ("udp:127.0.0.1:9060", "udp", "127.0.0.1", 9060, "udp:127.0.0.1:9060"),
            (
                "TCP:Homer.example.com",
                "tcp",
                "homer.example.com",
                9060,
                "tcp:homer.example.com:9060",
            ),
            ("homer:9061", "udp", "homer", 9061, "udp:homer:9061"),
            (" tcp:[2001:db8::1]:1 ", "tcp", "2001:db8::1", 1, "tcp:[2001:db8::1]:1"),
            ("2001:db8::1", "udp", "2001:db8::1", 9060, "udp:[2001:db8::1]:9060"),
        ],
    )
    def test_reads_and_writes(
        self, text: str, transport: str, host: str, port: int, shown: str
    ) -> None:
        assert read_collector(text) == Collector(transport, host, port)
        assert str(read_collector(text)) == shown
        assert read_collector(shown) == read_collector(text)

    @pytest.mark.parametrize("text", ["", "udp:", "tls:homer:9060", "homer:0", "homer:x", "a b:1"])
    def test_says_what_is_allowed_instead(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"for instance udp:127.0.0.1:9060"):
            read_collector(text)


class TestHepListen:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("9060", "udp:127.0.0.1:9060"),
            ("tcp:9061", "tcp:127.0.0.1:9061"),
            ("0.0.0.0:9060", "udp:0.0.0.0:9060"),
            ("udp:*", "udp:0.0.0.0:9060"),
            ("TCP:[::1]:1", "tcp:[::1]:1"),
            ("localhost:0", "udp:127.0.0.1:0"),
        ],
    )
    def test_reads(self, text: str, shown: str) -> None:
        assert str(read_hep_listen(text)) == shown

    @pytest.mark.parametrize("text", ["", "x", "tls:9060", "65536", "-1", "homer.example.com:9060"])
    def test_says_what_is_allowed_instead(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"for instance 9060 or udp:"):
            read_hep_listen(text)


class TestAdvertised:
    @pytest.mark.parametrize(
        ("text", "host", "port", "shown"),
        [
            ("203.0.113.5", "203.0.113.5", None, "203.0.113.5"),
            ("SIP.Example.com:5080", "sip.example.com", 5080, "sip.example.com:5080"),
            ("[2001:db8::1]:5060", "2001:db8::1", 5060, "[2001:db8::1]:5060"),
            ("2001:db8::1", "2001:db8::1", None, "[2001:db8::1]"),
        ],
    )
    def test_reads_and_writes(self, text: str, host: str, port: int | None, shown: str) -> None:
        assert read_advertised(text) == Advertised(host, port)
        assert str(read_advertised(text)) == shown

    @pytest.mark.parametrize("text", ["", "host:0", "bad host", ":5060", "[::1"])
    def test_refuses(self, text: str) -> None:
        with pytest.raises(ValueError, match="HOST:PORT"):
            read_advertised(text)


class TestDomain:
    @pytest.mark.parametrize(
        ("text", "domain"),
        [
            ("Example.COM.", "example.com"),
            ("[2001:DB8::1]", "2001:db8::1"),
            ("192.0.2.1", "192.0.2.1"),
            ("my_zone.local", "my_zone.local"),
        ],
    )
    def test_reads(self, text: str, domain: str) -> None:
        assert read_domain(text) == domain

    @pytest.mark.parametrize(
        "text", ["", "sip:example.com", "a..b", "-a.b", "a b", "x" * 64, "ä.de"]
    )
    def test_refuses(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"example\.com"):
            read_domain(text)


class TestDuration:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            (5, 5.0),
            (0.25, 0.25),
            ("90", 90.0),
            ("1.5", 1.5),
            ("500ms", 0.5),
            ("30s", 30.0),
            ("1h30m", 5400.0),
            (" 2D ", 172800.0),
            ("1w", 604800.0),
        ],
    )
    def test_reads(self, text: float | str, seconds: float) -> None:
        assert read_duration(text) == seconds

    @pytest.mark.parametrize("text", ["", "x", "1y", "-5", -5, "1 h", "nan", "inf", True, "1e99"])
    def test_refuses(self, text: float | str) -> None:
        with pytest.raises(ValueError, match="1h30m"):
            read_duration(text)

    @pytest.mark.parametrize(
        ("seconds", "text"),
        [
            (0.5, "500ms"),
            (1, "1s"),
            (90, "1m30s"),
            (7200, "2h"),
            (7199, "1h59m"),
            (3601, "1h"),
            (90061, "1d1h"),
        ],
    )
    def test_writes(self, seconds: float, text: str) -> None:
        assert format_duration(seconds) == text


class TestStore:
    def test_reads_and_writes(self) -> None:
        assert read_store("memory") == StoreChoice(None)
        assert read_store("sqlite:/var/x.db") == StoreChoice(Path("/var/x.db"))
        assert str(read_store("sqlite:/var/x.db")) == "sqlite:/var/x.db"
        assert str(read_store("MEMORY")) == "memory"

    @pytest.mark.parametrize("text", ["", "redis:", "sqlite", "sqlite:", "memory:x"])
    def test_refuses(self, text: str) -> None:
        with pytest.raises(ValueError, match="memory or sqlite:PATH"):
            read_store(text)


class TestStateDir:
    def test_is_what_the_environment_says(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RINGWAY_STATE_DIR", "/srv/ringway")
        assert default_state_dir() == Path("/srv/ringway")

    @pytest.mark.parametrize(
        ("user", "base", "expected"),
        [
            (0, "", "/var/lib/ringway"),
            (1000, "/x", "/x/ringway"),
            (1000, "", "/home/me/.local/state/ringway"),
        ],
    )
    def test_is_where_the_system_keeps_such_things(
        self, monkeypatch: pytest.MonkeyPatch, user: int, base: str, expected: str
    ) -> None:
        monkeypatch.delenv("RINGWAY_STATE_DIR", raising=False)
        monkeypatch.setenv("XDG_STATE_HOME", base)
        monkeypatch.setenv("HOME", "/home/me")
        monkeypatch.setattr("os.geteuid", lambda: user)
        assert default_state_dir() == Path(expected)
