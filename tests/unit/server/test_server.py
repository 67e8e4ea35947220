import asyncio
import ssl
from pathlib import Path

import pytest
import websockets
from tests.ports import free_port
from tests.unit.aio.support import Certificate, Inbox, run
from tests.unit.server.support import OPTIONS, REGISTER, UdpPeer, parsed, read_message, request

from ringway.aio.sockets import bind_datagram, bind_stream
from ringway.endpoint import Decision, Kind, Listener
from ringway.errors import ConfigError, StoreError
from ringway.location import When
from ringway.server import server as server_module
from ringway.server.config.load import make_config
from ringway.server.config.settings import Config
from ringway.server.server import Server
from ringway.transport.flow import Address


def config(*listen: str, **settings: object) -> Config:
    return make_config(
        domains=["example.com"], listen=listen or ("udp:127.0.0.1:0",), no_auth=True, **settings
    )


class TestListening:
    @pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
    def test_udp(self, host: str) -> None:
        async def main() -> None:
            async with (
                Server(config(f"udp:{host}:0")) as server,
                UdpPeer(host.strip("[]")) as peer,
            ):
                [listener] = server.listeners
                assert listener.address.port
                assert (await peer.ask(OPTIONS, listener.address)).status == 200

        run(main())

    @pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
    def test_tcp(self, host: str) -> None:
        async def main() -> None:
            async with Server(config(f"tcp:{host}:0")) as server:
                reader, writer = await asyncio.open_connection(*server.listeners[0].address)
                writer.write(OPTIONS)
                assert (await read_message(reader)).status == 200
                writer.write(b"\r\n\r\n")
                assert await reader.readexactly(2) == b"\r\n"
                writer.close()

        run(main())

    def test_tls(self, tmp_path: Path) -> None:
        certificate = Certificate(tmp_path)
        tls = {"certificate": certificate.file, "key": certificate.key}

        async def main() -> None:
            async with Server(config("tls:127.0.0.1:0", tls=tls)) as server:
                reader, writer = await asyncio.open_connection(
                    *server.listeners[0].address,
                    ssl=certificate.trusting(),
                    server_hostname="localhost",
                )
                writer.write(request("OPTIONS", "sip:example.com", via="tls"))
                assert (await read_message(reader)).status == 200
                writer.close()

        run(main())

    @pytest.mark.parametrize("scheme", ["ws", "wss"])
    def test_websocket(self, scheme: str, tmp_path: Path) -> None:
        certificate = Certificate(tmp_path)
        tls = {"certificate": certificate.file, "key": certificate.key}

        async def main() -> None:
            async with Server(config(f"{scheme}:127.0.0.1:0", tls=tls)) as server:
                port = server.listeners[0].address.port
                async with websockets.connect(
                    f"{scheme}://localhost:{port}",
                    subprotocols=[websockets.Subprotocol("sip")],
                    ssl=certificate.trusting() if scheme == "wss" else None,
                ) as phone:
                    await phone.send(request("OPTIONS", "sip:example.com", via=scheme).decode())
                    answer = await phone.recv()
                    data = answer.encode() if isinstance(answer, str) else answer
                    assert parsed(data).status == 200

        run(main())

    def test_a_port_that_is_taken_is_named(self) -> None:
        async def main() -> None:
            with bind_datagram(Address("127.0.0.1", 0)) as taken:
                where = f"udp:127.0.0.1:{taken.getsockname()[1]}"
                with pytest.raises(ConfigError) as caught:
                    await Server(config(where)).__aenter__()
            assert str(caught.value) == (
                f"settings: listen = '{where}' is not allowed; use an address of this machine "
                "with a free port (address already in use)"
            )

        run(main())

    def test_what_was_bound_before_a_fault_is_let_go(self) -> None:
        port = free_port()

        async def main() -> None:
            with pytest.raises(ConfigError):
                async with Server(
                    config(
                        f"tcp:127.0.0.1:{port}",
                        "udp:192.0.2.1:5060",
                        allow_unauthenticated_public=True,
                    )
                ):
                    pass
            bind_stream(Address("127.0.0.1", port)).close()

        run(main())

    def test_a_certificate_that_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "x.pem").write_text("nonsense")
        tls = {"certificate": tmp_path / "x.pem", "key": tmp_path / "x.pem"}

        async def main() -> None:
            with pytest.raises(ConfigError, match=r"tls\.certificate"):
                await Server(config("tls:127.0.0.1:0", tls=tls)).__aenter__()
            wrong = {"authorities": tmp_path / "x.pem"}
            with pytest.raises(ConfigError, match=r"tls\.authorities"):
                await Server(config(tls=wrong)).__aenter__()

        run(main())


class TestCertificateReload:
    def test_new_connections_see_the_new_one(self, tmp_path: Path) -> None:
        certificate = Certificate(tmp_path)
        tls = {"certificate": certificate.file, "key": certificate.key}

        async def main() -> None:
            async with Server(config("tls:127.0.0.1:0", tls=tls)) as server:
                renewed = Certificate(tmp_path)  # in the same files
                server.reload()
                _, writer = await asyncio.open_connection(
                    *server.listeners[0].address,
                    ssl=renewed.trusting(),
                    server_hostname="localhost",
                )
                writer.close()
                renewed.key.write_text("nonsense")
                with pytest.raises(ConfigError):
                    server.reload()
                _, writer = await asyncio.open_connection(
                    *server.listeners[0].address,
                    ssl=renewed.trusting(),
                    server_hostname="localhost",
                )
                writer.close()

        run(main())

    def test_without_one_there_is_nothing_to_do(self) -> None:
        async def main() -> None:
            async with Server(config()) as server:
                server.reload()

        run(main())


class TestAddresses:
    def test_advertised(self) -> None:
        async def main() -> tuple[Listener, ...]:
            settings = config("udp:127.0.0.1:0", advertise="sip.example.com:5099")
            async with Server(settings) as server:
                return server.listeners

        [listener] = run(main())
        assert listener.advertised == Address("sip.example.com", 5099)

    def test_a_wildcard_is_advertised_as_what_others_reach(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def main(found: str | None) -> Listener:
            monkeypatch.setattr(server_module, "primary_host", lambda _: found)
            settings = config("udp:*:0", allow_unauthenticated_public=True)
            async with Server(settings) as server:
                return server.listeners[0]

        listener = run(main("192.0.2.1"))
        assert listener.advertised == Address("192.0.2.1", listener.address.port)
        assert run(main(None)).advertised is None

    def test_without_a_domain_the_addresses_are_it(self) -> None:
        async def main() -> None:
            settings = make_config(listen=["udp:127.0.0.1:0"])
            async with Server(settings) as server, UdpPeer() as peer:
                assert server.domains == ("127.0.0.1", "localhost")
                options = request("OPTIONS", "sip:localhost")
                assert (await peer.ask(options, server.listeners[0].address)).status == 200

        run(main())


class TestStore:
    def test_bindings_survive_a_restart_but_not_those_over_connections(
        self, tmp_path: Path
    ) -> None:
        port = free_port()
        settings = config(
            f"udp:127.0.0.1:{port}", f"tcp:127.0.0.1:{port}", state_dir=tmp_path / "state"
        )

        async def main() -> None:
            async with UdpPeer() as peer:
                async with Server(settings) as server:
                    udp, tcp = (listener.address for listener in server.listeners)
                    assert (await peer.ask(REGISTER, udp)).status == 200
                    reader, writer = await asyncio.open_connection(*tcp)
                    writer.write(REGISTER.replace(b"alice", b"carol").replace(b"bK1", b"bK2"))
                    assert (await read_message(reader)).status == 200
                    assert [each.aor for each in server.bindings()] == [
                        "sip:alice@example.com",
                        "sip:carol@example.com",
                    ]
                    writer.close()
                async with Server(settings) as server:
                    [binding] = server.bindings()
                    assert binding.aor == "sip:alice@example.com"
                    assert binding.flow is not None
                    assert binding.flow.remote == peer.address
                    # It still reaches the phone.
                    invite = request("INVITE", "sip:alice@example.com", "Contact: <sip:x@y>")
                    async with UdpPeer() as caller:
                        caller.sock.sendto(invite, udp)
                        assert (await peer.read()).startswith(b"INVITE ")

        run(main())

    def test_a_store_that_cannot_be_opened(self, tmp_path: Path) -> None:
        async def main() -> None:
            settings = config(store=f"sqlite:{tmp_path}/none/x.db")
            with pytest.raises(StoreError):
                await Server(settings).__aenter__()

        run(main())

    @pytest.mark.interpreted
    def test_what_has_lapsed_goes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server_module, "EXPIRY_INTERVAL", 0.001)

        async def main() -> None:
            decisions = Inbox()
            settings = config(registration={"min_expires": 1, "default_expires": 1})
            async with Server(settings, on_decision=decisions) as server, UdpPeer() as peer:
                short = REGISTER.replace(b"Expires: 600", b"Expires: 1")
                assert (await peer.ask(short, server.listeners[0].address)).status == 200
                location = server._core.location
                expired = asyncio.Event()
                take_out = location.expire

                def watch(now: float) -> object:
                    gone = take_out(now)
                    if gone:
                        expired.set()
                    return gone

                monkeypatch.setattr(type(location), "expire", lambda _, now: watch(now))
                await expired.wait()
                assert not server.bindings("alice")

        run(main())


class TestRedirects:
    def test_are_set_listed_used_and_cleared(self) -> None:
        async def main() -> None:
            async with Server(config()) as server, UdpPeer() as peer:
                rule = await server.set_redirect(
                    "bob", [("sip:bob@hotel.example", 1.0)], seconds=60
                )
                assert rule.aor == "sip:bob@example.com"
                assert server.redirects() == server.redirects("bob") == [rule]
                assert server.redirects("alice") == []
                invite = request("INVITE", "sip:bob@example.com", "Contact: <sip:x@y>")
                answer = await peer.ask(invite, server.listeners[0].address)
                if answer.status == 100:
                    answer = parsed(await peer.read())
                assert answer.status == 302
                assert answer.contacts[0].uri_text == "sip:bob@hotel.example"
                assert await server.clear_redirects("bob", When.BUSY) == 0
                assert await server.clear_redirects("bob") == 1
                assert server.redirects() == []

        run(main())

    def test_survive_a_restart(self, tmp_path: Path) -> None:
        settings = config(state_dir=tmp_path)

        async def main() -> None:
            async with Server(settings) as server:
                await server.set_redirect("bob", [("sip:bob@hotel.example", 1.0)])
            async with Server(settings) as server:
                assert [rule.aor for rule in server.redirects()] == ["sip:bob@example.com"]

        run(main())

    def test_of_the_configuration_stand_from_the_start(self) -> None:
        async def main() -> None:
            settings = config(
                redirect=[
                    {"user": "bob", "to": ["sip:a@h", "sip:b@h"], "for": "1h"},
                    {"user": "sip:c@example.com", "to": "sip:d@h", "until": "2100-01-01T00:00:00Z"},
                ]
            )
            async with Server(settings) as server:
                bob, carol = server.redirects()
                assert [uri for uri, _ in bob.targets] == ["sip:a@h", "sip:b@h"]
                assert bob.until is not None
                assert 3590 < bob.until - server.clock() <= 3600
                assert carol.until == 4102444800.0

        run(main())

    def test_that_cannot_be_kept_do_not_stand(self) -> None:
        async def main() -> None:
            async with Server(config()) as server:
                await server._driver._store.close()
                with pytest.raises(StoreError):
                    await server.set_redirect("bob", [("sip:bob@hotel.example", 1.0)])
                assert server.redirects() == []

        run(main())


class TestDecisions:
    def test_are_told(self) -> None:
        async def main() -> None:
            decisions = Inbox()
            async with Server(config(), on_decision=decisions) as server, UdpPeer() as peer:
                await peer.ask(REGISTER, server.listeners[0].address)
            told = [decision for (decision,) in decisions.items]
            assert all(isinstance(decision, Decision) for decision in told)
            assert Kind.BOUND in [decision.kind for decision in told]

        run(main())


def test_an_error_of_its_user_goes_through_as_it_is() -> None:
    async def main() -> None:
        async with Server(config()):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run(main())


@pytest.mark.parametrize(
    ("listen", "servers", "families"),
    [
        (["udp:127.0.0.1:0"], ["192.0.2.53", "192.0.2.53:5353"], ("A",)),
        (["udp:[::1]:0"], ["2001:db8::53", "[2001:db8::53]:5353"], ("AAAA",)),
        (["udp:127.0.0.1:0", "udp:[::1]:0"], [], ("A", "AAAA")),
    ],
)
def test_names_are_looked_up_in_the_families_we_listen_in(
    listen: list[str],
    servers: list[str],
    families: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Address] = []
    monkeypatch.setattr(server_module, "ask_dns", asked.extend)

    async def main() -> None:
        async with Server(config(*listen, dns={"nameservers": servers})) as server:
            assert server._driver._resolver._families == families

    run(main())
    assert [address.port for address in asked] == [53, 5353][: len(servers)]
    assert all("[" not in address.host for address in asked)


def test_a_context_without_verification(tmp_path: Path) -> None:
    async def main() -> None:
        async with Server(config(tls={"verify": False})) as server:
            context = server._driver.client_tls
            assert context is not None
            assert context.verify_mode == ssl.CERT_NONE

    run(main())
