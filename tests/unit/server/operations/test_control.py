import asyncio
import json
import stat
from pathlib import Path
from typing import Any, cast

import pytest
from tests.unit.aio.support import LOOPS, run
from tests.unit.server.support import REGISTER, UdpPeer

from ringway.cli.live import NoServerError, RefusedError, ask
from ringway.errors import ConfigError
from ringway.server.config.load import make_config
from ringway.server.operations import control_socket
from ringway.server.operations.control import LONGEST_LINE, Conversation
from ringway.server.operations.control_socket import NAME, bind_control, connect_control
from ringway.server.server import Server


def make_server(state_dir: Path) -> Server:
    return Server(
        make_config(
            domains=["example.com"],
            listen=["udp:127.0.0.1:0"],
            no_auth=True,
            store="memory",
            state_dir=state_dir,
        )
    )


class Client:
    """Talks to a control socket, on the loop the server runs on."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, question: object) -> Any:
        line = question if isinstance(question, bytes) else json.dumps(question).encode()
        self.writer.write(line + b"\n")
        return await self.reply()

    async def reply(self) -> Any:
        return json.loads(await self.reader.readline())


async def connect(state_dir: Path) -> Client:
    return Client(*await asyncio.open_unix_connection(str(state_dir / NAME)))


@pytest.mark.parametrize("loop", LOOPS)
def test_answers(loop: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with make_server(tmp_path) as server, UdpPeer() as peer:
            await peer.ask(REGISTER, server.listeners[0].address)
            client = await connect(tmp_path)
            [binding] = (await client.send({"ask": "bindings"}))["result"]
            assert binding["aor"] == "sip:alice@example.com"
            assert binding["contact"] == "sip:alice@phone.invalid;ob"
            assert binding["instance"] == "<urn:x:1>"
            assert (binding["reg_id"], binding["outbound"], binding["path"]) == (1, True, [])
            assert 500 <= binding["expires_in"] <= 600
            assert str(peer.address) in binding["flow"]
            assert await client.send({"ask": "bindings", "aor": "bob"}) == {"result": []}
            assert await client.send({"ask": "redirects"}) == {"result": []}
            rule = {
                "aor": "sip:bob@example.com",
                "to": ["sip:a@b", "sip:c@d"],
                "status": 302,
                "when": "busy",
                "ends_in": 60,
            }
            question = {"aor": "bob", "to": ["sip:a@b", "sip:c@d"], "when": "busy", "seconds": 60}
            assert await client.send({"ask": "redirect-set", **question}) == {"result": rule}
            [stands] = (await client.send({"ask": "redirects", "aor": "bob"}))["result"]
            assert stands["to"] == rule["to"]
            assert await client.send({"ask": "redirect-clear", "aor": "bob", "when": "always"}) == {
                "result": 0
            }
            assert await client.send({"ask": "redirect-clear", "aor": "bob"}) == {"result": 1}
            client.writer.close()

    run(main(), loop)


@pytest.mark.parametrize(
    ("question", "error"),
    [
        (b"nonsense", "Expecting value"),
        ([], "a question is an object"),
        ({}, "nothing to ask: None"),
        ({"ask": "weather"}, "nothing to ask: 'weather'"),
        ({"ask": "redirect-set"}, "whose redirect? aor is missing"),
        ({"ask": "redirect-set", "aor": "bob"}, "a redirect needs a target"),
        ({"ask": "redirect-set", "aor": "bob", "to": ["x"]}, "'x' is no target"),
        ({"ask": "redirect-set", "aor": "bob", "to": ["sip:a@b"], "status": 303}, "not 303"),
        ({"ask": "redirect-set", "aor": "bob", "to": 3}, "not iterable"),
        (
            {"ask": "redirect-clear", "aor": "bob", "when": "x"},
            "use one of always, busy, no-answer",
        ),
        ({"ask": "bindings", "aor": "sip:"}, "sip:"),
    ],
)
def test_says_what_is_wrong_with_a_question(question: object, error: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with make_server(tmp_path):
            client = await connect(tmp_path)
            assert error in (await client.send(question))["error"]
            assert await client.send({"ask": "redirects"}) == {"result": []}
            client.writer.close()

    run(main())


def test_answers_questions_in_pieces_and_several_at_once_in_order(tmp_path: Path) -> None:
    async def main() -> None:
        async with make_server(tmp_path):
            client = await connect(tmp_path)
            first = json.dumps({"ask": "redirect-set", "aor": "a", "to": ["sip:b@c"]}).encode()
            client.writer.write(first[:10])
            await client.writer.drain()
            client.writer.write(first[10:] + b'\n{"ask": "redirects"}\n{"ask": "bindings"}\n')
            assert (await client.reply())["result"]["aor"] == "sip:a@example.com"
            assert len((await client.reply())["result"]) == 1
            assert await client.reply() == {"result": []}
            client.writer.close()

    run(main())


def test_a_line_without_end_is_cut_off(tmp_path: Path) -> None:
    async def main() -> None:
        async with make_server(tmp_path):
            client = await connect(tmp_path)
            client.writer.write(b"x" * (LONGEST_LINE + 1))
            assert await client.reader.read() == b""
            client.writer.close()

    run(main())


def test_who_hangs_up_at_once_harms_nobody(tmp_path: Path) -> None:
    async def main() -> None:
        async with make_server(tmp_path):
            rude = await connect(tmp_path)
            rude.writer.write(b'{"ask": "bindings"}\n' * 100)
            rude.writer.close()
            client = await connect(tmp_path)
            assert await client.send({"ask": "bindings"}) == {"result": []}
            client.writer.close()

    run(main())


def test_a_question_that_is_still_being_answered_when_its_asker_goes() -> None:
    """Nothing is left to say it to; whoever asks next is answered."""

    class Slow:
        def redirects(self, _aor: str | None) -> list[object]:
            conversation.connection_lost(None)
            return []

        def clock(self) -> float:
            return 0.0

    spawned: list[Any] = []
    conversation = Conversation(cast(Server, Slow()), spawned.append)

    async def main() -> None:
        conversation.data_received(b'{"ask": "redirects"}\n{"ask": "redirects"}\n')
        conversation.data_received(b'{"ask": "redirects"}\n')
        [answering] = spawned
        await answering
        conversation.data_received(b"half a question")
        assert len(spawned) == 1

    run(main())


class TestSocket:
    def test_is_for_its_owner_and_goes_with_the_server(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with make_server(tmp_path):
                assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
            assert not (tmp_path / NAME).exists()

        run(main())

    def test_one_left_by_a_crash_is_replaced(self, tmp_path: Path) -> None:
        bind_control(tmp_path).close()
        assert (tmp_path / NAME).exists()
        bind_control(tmp_path).close()

    def test_works_where_the_path_is_too_long_for_one(self, tmp_path: Path) -> None:
        folder = tmp_path / ("x" * 120)
        folder.mkdir()
        with bind_control(folder), connect_control(folder, 1.0):
            pass

    def test_a_directory_that_cannot_hold_one(self, tmp_path: Path) -> None:
        (tmp_path / NAME).mkdir()

        async def main() -> None:
            with pytest.raises(ConfigError, match="a directory that can hold a Unix socket"):
                await make_server(tmp_path).__aenter__()

        run(main())

    def test_a_failure_to_bind_leaves_nothing_open(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(control_socket, "_LONGEST", 10_000)
        folder = tmp_path / ("x" * 120)
        folder.mkdir()
        with pytest.raises(OSError, match="too long"):
            bind_control(folder)


class TestAsk:
    def test_without_a_server(self, tmp_path: Path) -> None:
        with pytest.raises(NoServerError, match="no server runs with the state directory"):
            ask(tmp_path, ask="bindings")

    def test_a_server_that_is_silent(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ringway.cli.live.TIMEOUT", 0.05)
        with (
            bind_control(tmp_path),
            pytest.raises(RefusedError, match="the server does not answer"),
        ):
            ask(tmp_path, ask="bindings")

    def test_across_a_thread(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with make_server(tmp_path):
                assert await asyncio.to_thread(ask, tmp_path, ask="bindings") == []
                with pytest.raises(RefusedError, match="nothing to ask"):
                    await asyncio.to_thread(ask, tmp_path, ask="x")

        run(main())

    def test_a_server_that_hangs_up(self, tmp_path: Path) -> None:
        async def main() -> None:
            with bind_control(tmp_path) as sock:
                loop = asyncio.get_running_loop()
                asked = loop.run_in_executor(None, lambda: ask(tmp_path, ask="x"))
                peer, _ = await loop.sock_accept(sock)
                await loop.sock_recv(peer, 1000)
                peer.close()
                with pytest.raises(RefusedError, match="ended before it answered"):
                    await asked

        run(main())
