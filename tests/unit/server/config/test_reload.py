import re
from pathlib import Path

import pytest
from tests.unit.aio.support import Certificate, run

from ringway.errors import ConfigError
from ringway.server.config.load import make_config
from ringway.server.config.reload import LIVE, changed_keys, with_live_keys
from ringway.server.config.settings import Config
from ringway.server.server import Server

BASE: dict[str, object] = {
    "domains": ["example.com"],
    "listen": ["udp:127.0.0.1:0"],
    "no_auth": True,
}


def config(**settings: object) -> Config:
    return make_config(**{**BASE, **settings})


class TestKeys:
    def test_every_live_key_is_a_key(self) -> None:
        known = set(Config.model_fields)
        for key in LIVE:
            section, _, name = key.partition(".")
            assert section in known
            if name:
                assert name in type(getattr(config(), section)).model_fields

    def test_they_are_those_of_the_documentation(self) -> None:
        page = Path(__file__).parents[4] / "docs" / "how-to" / "run-as-a-service.md"
        text = page.read_text(encoding="utf-8").partition("These keys change at once")[2]
        named = re.findall(r"`([a-z_.*]+)`", text.partition("\n\n")[2].partition("\n\n")[0])
        assert {each.removesuffix(".*") for each in named} == LIVE

    def test_changes_are_named(self) -> None:
        old = config()
        new = config(relay="any", timers={"t1": 1, "ring_timeout": 9}, redirect=[])
        assert changed_keys(old, old) == []
        assert changed_keys(old, new) == ["relay", "timers.ring_timeout", "timers.t1"]

    def test_only_live_ones_are_taken(self) -> None:
        new = config(
            relay="any",
            listen=["tcp:127.0.0.1:0"],
            timers={"t1": 1, "ring_timeout": 9},
            registration={"max_expires": 7200},
        )
        both = with_live_keys(config(), new)
        assert (both.relay, both.timers.ring_timeout, both.timers.t1) == ("any", 9.0, 0.5)
        assert both.registration.max_expires == 7200
        assert changed_keys(both, new) == ["listen", "timers.t1"]


class TestServer:
    def test_takes_over_what_it_can_and_names_the_rest(self) -> None:
        async def main() -> None:
            async with Server(config()) as server:
                new = config(
                    relay="any",
                    domains=["example.org"],
                    registration={"max_contacts": 3},
                    recurse={"domains": ["hotel.example"]},
                )
                assert server.reload(new) == ["domains"]
                core = server._core
                assert core.proxy.settings.relay.value == "any"
                assert core.proxy.settings.domains == {"example.com"}
                assert core.proxy.recursion._settings is core.proxy.settings
                assert core.registrar is not None
                assert core.registrar._settings.max_bindings == 3
                assert server.reload(config(domains=["example.org"])) == ["domains"]
                assert core.proxy.settings.relay.value == "off"

        run(main())

    def test_redirects_of_the_configuration_come_and_go(self) -> None:
        alice = {"user": "alice", "to": "sip:a@hotel.example"}
        bob = {"user": "bob", "to": "sip:b@hotel.example"}

        async def main() -> None:
            async with Server(config(redirect=[alice])) as server:
                await server.set_redirect("carol", [("sip:c@hotel.example", 1.0)])
                server.reload(config(redirect=[bob]))
                users = sorted(rule.aor for rule in server.redirects())
                assert users == ["sip:bob@example.com", "sip:carol@example.com"]
                server.reload()
                assert len(server.redirects()) == 2

        run(main())

    def test_an_edge_has_no_registrar_to_tell(self) -> None:
        async def main() -> None:
            edge = config(role="edge", registrar="sip:127.0.0.1:9")
            async with Server(edge) as server:
                assert server.reload(edge) == []

        run(main())

    def test_a_fault_changes_nothing(self, tmp_path: Path) -> None:
        certificate = Certificate(tmp_path)
        tls = {"certificate": certificate.file, "key": certificate.key}

        async def main() -> None:
            async with Server(config(listen=["tls:127.0.0.1:0"], tls=tls)) as server:
                before, context = server.config, server._certificates.accepting()
                certificate.file.write_text("nonsense")
                new = config(listen=["tls:127.0.0.1:0"], tls=tls, relay="any")
                with pytest.raises(ConfigError, match=r"tls\.certificate"):
                    server.reload(new)
                assert server.config is before
                assert server._certificates.accepting() is context
                assert server._core.proxy.settings.relay.value == "off"

        run(main())


class TestCertificates:
    def test_each_certificate_has_its_key(self, tmp_path: Path) -> None:
        one, two = Certificate(tmp_path, stem="1"), Certificate(tmp_path, stem="2")
        with pytest.raises(ConfigError, match=r"one key for each certificate"):
            config(tls={"certificate": [one.file, two.file], "key": one.key})
        swapped = config(tls={"certificate": [one.file, two.file], "key": [one.key, one.key]})

        async def main() -> None:
            with pytest.raises(ConfigError, match=r"2certificate.pem.*key values mismatch"):
                await Server(swapped).__aenter__()

        run(main())

    def test_the_authorities_of_clients_are_certificates(self, tmp_path: Path) -> None:
        one = Certificate(tmp_path)
        tls = {"certificate": one.file, "key": one.key, "clients": one.key}

        async def main() -> None:
            with pytest.raises(ConfigError, match=r"tls\.clients"):
                await Server(config(tls=tls)).__aenter__()

        run(main())

    def test_to_require_one_takes_authorities(self) -> None:
        with pytest.raises(ConfigError, match=r"tls\.require.*tls\.clients"):
            config(tls={"require": True})

    def test_without_one_nothing_is_accepted(self) -> None:
        async def main() -> None:
            async with Server(config()) as server:
                with pytest.raises(LookupError):
                    server._certificates.accepting()

        run(main())
