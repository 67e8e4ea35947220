import datetime as dt
from pathlib import Path

import pytest

from ringway.errors import ConfigError
from ringway.server.config.load import _allowed, check_config, load_config, make_config
from ringway.server.config.settings import Config, RoleChoice, with_state_dir
from ringway.server.config.values import Advertised, StoreChoice, read_listen


def fault_in(text: str, folder: Path) -> str:
    """The line a person sees for a file with this text."""
    file = folder / "ringway.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(file, environ={})
    line = str(caught.value)
    assert line.startswith(f"{file}: ")
    assert "\n" not in line
    return line.removeprefix(f"{file}: ")


class TestDefaults:
    def test_are_on_loopback(self) -> None:
        config = load_config(environ={})
        assert [str(listen) for listen in config.listen] == [
            "udp:127.0.0.1:5060",
            "tcp:127.0.0.1:5060",
        ]
        assert config.role is RoleChoice.ALL
        assert (config.timers.flow_timeout, config.timers.request_flow_timeout) == (2.0, 5.0)

    def test_in_python_nothing_is_kept(self) -> None:
        config = make_config()
        assert config == Config()
        assert config.store_path is None

    def test_the_store_is_a_file_in_the_state_directory(self, tmp_path: Path) -> None:
        config = make_config(state_dir=tmp_path)
        assert config.store_path == tmp_path / "ringway.db"
        assert with_state_dir(config) is config

    def test_a_store_of_its_own_goes_before(self, tmp_path: Path) -> None:
        assert make_config(state_dir=tmp_path, store="memory").store_path is None
        assert make_config(store="sqlite:/x.db").store_path == Path("/x.db")

    def test_the_usual_state_directory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RINGWAY_STATE_DIR", "/srv/ringway")
        assert with_state_dir(make_config()).state_dir == Path("/srv/ringway")


class TestFile:
    def test_is_read(self, tmp_path: Path) -> None:
        file = tmp_path / "ringway.toml"
        file.write_text("""
            domains = ["Example.com", "example.org"]
            listen = ["udp:127.0.0.1:5070", "tcp:[::1]:5070"]
            store = "sqlite:bindings.db"
            state_dir = "state"
            no_auth = true
            relay = "registered"
            history = "diversion"
            [recurse]
            domains = "hotel.example"
            headers = ["Subject"]
            [timers]
            flow_timeout = "1500ms"
            [log]
            level = "debug"
            [[redirect]]
            user = "bob"
            to = "sip:bob@hotel.example"
            for = "2h"
            when = "busy"
            [[redirect]]
            user = "sip:carol@example.org"
            to = ["sip:a@b", "tel:+49301234"]
            until = 2030-01-01T12:00:00Z
            status = 300
        """)
        config = load_config(file, environ={})
        assert config.domains == ("example.com", "example.org")
        assert config.listen[1] == read_listen("tcp:[::1]:5070")
        assert config.store == StoreChoice(tmp_path / "bindings.db")
        assert config.state_dir == tmp_path / "state"
        assert config.recurse.domains == {"hotel.example"}
        assert config.recurse.headers == {"subject"}
        assert config.timers.flow_timeout == 1.5
        bob, carol = config.redirect
        assert (bob.to, bob.lasts, bob.when) == (("sip:bob@hotel.example",), 7200.0, "busy")
        assert carol.until == dt.datetime(2030, 1, 1, 12, tzinfo=dt.UTC)

    def test_a_home_directory_is_not_taken_for_a_relative_path(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", "/home/me")
        file = tmp_path / "ringway.toml"
        file.write_text('state_dir = "~/ringway"')
        assert load_config(file, environ={}).state_dir == Path("/home/me/ringway")

    def test_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            load_config(tmp_path / "none.toml", environ={})
        assert str(caught.value) == (
            f"command line: --config = '{tmp_path}/none.toml' is not allowed; "
            "use a file that can be read (no such file or directory)"
        )

    def test_that_is_no_text(self, tmp_path: Path) -> None:
        file = tmp_path / "ringway.toml"
        file.write_bytes(b"domains = ['\xff']")
        with pytest.raises(ConfigError, match="UTF-8"):
            load_config(file, environ={})


class TestFaults:
    """Each is one line that names file, key and value, and says what is allowed."""

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ('domian = ["x"]', "domian = ['x'] is not allowed; use domains (the nearest)"),
            ("[zzz]", "zzz = '{}' is not allowed; use one of advertise, aliases, "),
            ("[tls]\nsertificate = 'x'", "tls.sertificate = 'x' is not allowed; use certificate"),
            ("x = ", "line 1 = 'x =' is not allowed; use TOML (invalid value)"),
            ("a = 1\nb", "line 2 = 'b' is not allowed; use TOML (expected '='"),
            ('role = "x"', "role = 'x' is not allowed; use one of all, edge, registrar"),
            ('role = "edge"', "registrar = '' is not allowed; use the URI of the registrar"),
            (
                'registrar = "sip:a.example"',
                "registrar = 'sip:a.example' is not allowed; use role = edge with it",
            ),
            ('registrar = "x"', "registrar = 'x' is not allowed; use a SIP URI"),
            ('registrar = "tel:1"', "registrar = 'tel:1' is not allowed; use a SIP URI"),
            ("domains = 3", "domains[0] = 3 is not allowed; use text in quotes"),
            ("domains = ['a b']", "domains[0] = 'a b' is not allowed; use a domain name"),
            ("listen = []", "listen = [] is not allowed; use at least one"),
            ("listen = 'x'", "listen[0] = 'x' is not allowed; use TRANSPORT:ADDRESS:PORT"),
            (
                "listen = ['udp:127.0.0.1:1', 'udp:127.0.0.1:1']",
                "listen = 'udp:127.0.0.1:1' is not allowed; use each address once",
            ),
            (
                "listen = 'tls:127.0.0.1:1'",
                "listen = 'tls:127.0.0.1:1' is not allowed; use it together with tls.certificate",
            ),
            ("advertise = 'x:0'", "advertise = 'x:0' is not allowed; use a host or HOST:PORT"),
            (
                "advertise = {'udp:127.0.0.1:9' = 'x'}",
                "advertise = 'udp:127.0.0.1:9' is not allowed; use entries of listen as its keys",
            ),
            ("store = 'redis:'", "store = 'redis:' is not allowed; use memory or sqlite:PATH"),
            ("no_auth = 'maybe'", "no_auth = 'maybe' is not allowed; use true or false"),
            ("tls = 3", "tls = 3 is not allowed; use a table"),
            ("tls.key = 'none.pem'", "none.pem' is not allowed; use a file that can be read (no "),
            ("timers.timer_c = 180", "timers.timer_c = 180 is not allowed; use more than 180"),
            ("timers.t1 = 'soon'", "timers.t1 = 'soon' is not allowed; use seconds or a duration"),
            ("timers.request_flow_timeout = 1", "use at least 3.5"),
            ("recurse.depth = 99", "recurse.depth = 99 is not allowed; use at most 20"),
            ("recurse.depth = 'x'", "recurse.depth = 'x' is not allowed; use a whole number"),
            ("registration.spread = 'x'", "use a number"),
            ("registration.spread = 0.9", "use at most 0.5"),
            ("registration.min_expires = 9000", "use max_expires or less"),
            ("registration.default_expires = 1", "use something from min_expires to max_expires"),
            (
                "log.messages = true",
                'log.messages = true is not allowed; use it together with log.format = "json"',
            ),
            ("log.format = 'xml'", "log.format = 'xml' is not allowed; use one of story, json"),
            ("redirect = 3", "redirect = 3 is not allowed; use a list"),
            ("[[redirect]]\nto = 'sip:a@b'", "redirect[0].user = '' is not allowed; use a value"),
            ("[[redirect]]\nusr = 'a'\nto = 'sip:a@b'", "redirect[0].usr = 'a' is not allowed; "),
            (
                "[[redirect]]\nuser = 'a'\nto = 'b'",
                "redirect[0].to[0] = 'b' is not allowed; use a U",
            ),
            (
                "[[redirect]]\nuser = 'a'\nto = []",
                "redirect[0].to = [] is not allowed; use at least",
            ),
            (
                "[[redirect]]\nuser = 'a'\nto = 'sip:b'\nstatus = 303",
                "use one of 300, 301, 302, 305",
            ),
            (
                "[[redirect]]\nuser = 'a'\nto = 'sip:b'\nuntil = 2030-01-01T12:00:00",
                "use a time with its zone, 2030-01-01T12:00:00Z",
            ),
            (
                "[[redirect]]\nuser = 'a'\nto = 'sip:b'\nfor = 5\nuntil = 2030-01-01T12:00:00Z",
                "use either for or until",
            ),
            ("[[redirect]]\nuser = 'a'\nto = 'sip:b'\nuntil = 'x'", "use a time with its zone"),
        ],
    )
    def test_of_a_file(self, text: str, line: str, tmp_path: Path) -> None:
        assert line in fault_in(text, tmp_path)

    def test_certificate_and_key_belong_together(self, tmp_path: Path) -> None:
        (tmp_path / "one.pem").write_text("")
        assert "tls.key = ''" in fault_in("tls.certificate = 'one.pem'", tmp_path)
        assert "tls.certificate = ''" in fault_in("tls.key = 'one.pem'", tmp_path)

    def test_all_are_found(self, tmp_path: Path) -> None:
        file = tmp_path / "ringway.toml"
        file.write_text("no_auth = 'x'\nstore = 'x'\ntypo = 1")
        keys = [fault.key for fault in check_config(file, environ={})]
        assert keys == ["typo", "store", "no_auth"]
        file.write_text("x = ")
        assert [fault.key for fault in check_config(file, environ={})] == ["line 1"]
        file.write_text("")
        assert check_config(file, environ={}) == []

    def test_in_python(self) -> None:
        with pytest.raises(ConfigError, match=r"^settings: listen"):
            make_config(listen=["x"])

    def test_that_nobody_foresaw_are_said_in_pydantics_words(self) -> None:
        assert _allowed("strange", ("x",), {"msg": "It is strange"}) == "It is strange"


class TestWithoutAuthentication:
    def test_loopback_is_served(self) -> None:
        assert make_config(no_auth=True, listen=["udp:127.0.0.9:0", "tcp:[::1]:0"]).no_auth

    @pytest.mark.parametrize("listen", ["udp:0.0.0.0:5060", "tcp:192.0.2.1:5060", "udp:[::]:5060"])
    def test_other_addresses_are_refused(self, listen: str) -> None:
        with pytest.raises(ConfigError, match="no_auth = true is not allowed"):
            make_config(listen=["udp:127.0.0.1:5060", listen], no_auth=True)

    def test_with_it_they_are_not(self) -> None:
        assert make_config(listen=["udp:192.0.2.1:5060"]).listen[0].public

    def test_unless_the_configuration_insists(self) -> None:
        config = make_config(
            listen=["udp:192.0.2.1:5060"], no_auth=True, allow_unauthenticated_public=True
        )
        assert config.listen[0].public


class TestEnvironment:
    def test_wins_over_the_file(self, tmp_path: Path) -> None:
        file = tmp_path / "ringway.toml"
        file.write_text("domains = ['a.example']\n[timers]\nt1 = 1\nt2 = 2")
        environ = {
            "RINGWAY_DOMAINS": "b.example, c.example",
            "RINGWAY_TIMERS__T1": "250ms",
            "RINGWAY_NO_AUTH": "yes",
            "RINGWAY_CONFIG": "elsewhere.toml",
            "RINGWAY_COMPILE": "1",
            "PATH": "/bin",
        }
        config = load_config(file, environ=environ)
        assert config.domains == ("b.example", "c.example")
        assert (config.timers.t1, config.timers.t2, config.no_auth) == (0.25, 2.0, True)

    @pytest.mark.parametrize(
        ("name", "text", "line"),
        [
            ("RINGWAY_LISTN", "x", "use RINGWAY_LISTEN (the nearest)"),
            ("RINGWAY_TLS", "x", "use RINGWAY_TLS__KEY (the nearest)"),
            ("RINGWAY_REDIRECT", "x", "environment: RINGWAY_REDIRECT = 'x' is not allowed; "),
            ("RINGWAY_ROLE__X", "x", "environment: RINGWAY_ROLE__X = 'x' is not allowed; "),
            ("RINGWAY_LISTEN", "udp:127.0.0.1:1,x", "RINGWAY_LISTEN[1] = 'x' is not allowed; "),
            ("RINGWAY_TIMERS__TIMER_C", "1", "RINGWAY_TIMERS__TIMER_C = '1' is not allowed; "),
        ],
    )
    def test_faults_name_the_variable(self, name: str, text: str, line: str) -> None:
        with pytest.raises(ConfigError) as caught:
            load_config(environ={name: text})
        assert line in str(caught.value)


class TestCommandLine:
    def test_wins_over_everything(self, tmp_path: Path) -> None:
        file = tmp_path / "ringway.toml"
        file.write_text("recurse.depth = 2\ndomains = 'a.example'")
        config = load_config(
            file,
            environ={"RINGWAY_DOMAINS": "b.example"},
            options={"domains": ["c.example"], "recurse.domains": ["d.example"]},
        )
        assert config.domains == ("c.example",)
        assert (config.recurse.depth, config.recurse.domains) == (2, frozenset({"d.example"}))

    @pytest.mark.parametrize(
        ("options", "line"),
        [
            ({"role": "x"}, "command line: --role = 'x' is not allowed; "),
            ({"role": "edge"}, "command line: --registrar = '' is not allowed; "),
            ({"listen": ["udp:*"], "no_auth": True}, "command line: --no-auth = true is not "),
            ({"recurse.domains": ["-"]}, "command line: --recurse[0] = '-' is not allowed; "),
        ],
    )
    def test_faults_name_the_option(self, options: dict[str, object], line: str) -> None:
        with pytest.raises(ConfigError) as caught:
            load_config(environ={}, options=options)
        assert str(caught.value).startswith(line)

    def test_goes_into_a_table_that_the_file_gets_wrong(self, tmp_path: Path) -> None:
        file = tmp_path / "ringway.toml"
        file.write_text("log = 3")
        config = load_config(file, environ={}, options={"log.format": "json"})
        assert config.log.format == "json"


class TestAdvertise:
    def test_one_for_all(self) -> None:
        config = make_config(advertise="203.0.113.5")
        assert {config.advertised(listen) for listen in config.listen} == {
            Advertised("203.0.113.5")
        }

    def test_one_for_each(self) -> None:
        config = make_config(advertise={"udp:127.0.0.1": "sip.example.com:5080"})
        udp, tcp = config.listen
        assert config.advertised(udp) == Advertised("sip.example.com", 5080)
        assert config.advertised(tcp) is None

    def test_a_value_stays_what_it_is(self) -> None:
        here = Advertised("sip.example.com")
        assert make_config(advertise=here).advertise == here
        assert make_config().advertise is None
