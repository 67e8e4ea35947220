"""TLS as strangers, phones and trunks see it: real sockets, and openssl's client."""

import asyncio
import errno
import logging
import shutil
import socket
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.unit.aio.support import LOOPS, Certificate, Inbox, run

from ringway.aio.secure import SecureListener, handshake_fault
from ringway.aio.sockets import address_of, bind_stream
from ringway.aio.stream import Connection, Options
from ringway.aio.tls import client_context, server_context
from ringway.transport.flow import Address, Flow

LOCALHOST = Address("127.0.0.1", 0)


class Owner:
    """Takes every connection, and echoes."""

    write_limit = 1 << 20
    tcp_options: Options = ()

    def __init__(self) -> None:
        self.opened = Inbox()
        self.connections: dict[Flow, Connection] = {}

    def connection_opened(
        self, connection: Connection, local: Address, remote: Address
    ) -> Flow | None:
        flow = Flow("tls", local, remote, len(self.opened.items) + 1)
        self.connections[flow] = connection
        self.opened(connection.names)
        return flow

    def connection_received(self, flow: Flow, data: bytes) -> None:
        self.connections[flow].send(data)

    def connection_closed(self, flow: Flow, reason: str) -> None:
        self.connections.pop(flow)


Body = Callable[[Owner, Address], Awaitable[None]]


def listening(body: Body, contexts: list[ssl.SSLContext], loop: str = "uvloop") -> None:
    """Run `body` beside a listener that shows the last of `contexts`."""

    async def main() -> None:
        owner = Owner()
        sock = bind_stream(LOCALHOST)
        address = address_of(sock)
        async with asyncio.TaskGroup() as tasks:
            listener = SecureListener(
                sock,
                lambda: contexts[-1],
                lambda: Connection(owner, "tls", listener=address),
                tasks.create_task,
            )
            try:
                await body(owner, address)
            finally:
                listener.close()
                for connection in list(owner.connections.values()):
                    connection.abort("the test is over")

    run(main(), loop)


async def talk(
    address: Address, context: ssl.SSLContext, name: str = "localhost"
) -> dict[str, object]:
    """Say something, hear it back, and return the certificate that was shown."""
    reader, writer = await asyncio.open_connection(*address, ssl=context, server_hostname=name)
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    shown: dict[str, object] = writer.get_extra_info("peercert")
    writer.close()
    return shown


def names(shown: dict[str, object]) -> set[str]:
    return {value for _, value in shown["subjectAltName"]}  # type: ignore[attr-defined] # pairs


@pytest.mark.parametrize("loop", LOOPS)
class TestListener:
    def test_a_new_certificate_is_shown_from_the_next_connection_on(
        self, loop: str, tmp_path: Path
    ) -> None:
        first = Certificate(tmp_path, stem="a-")
        second = Certificate(tmp_path, stem="b-")
        contexts = [server_context([first.certified])]

        async def body(_owner: Owner, address: Address) -> None:
            reader, writer = await asyncio.open_connection(
                *address, ssl=first.trusting(), server_hostname="localhost"
            )
            contexts.append(server_context([second.certified]))
            await talk(address, second.trusting())
            with pytest.raises(ssl.SSLCertVerificationError):
                await talk(address, first.trusting())
            writer.write(b"still here")
            assert await reader.readexactly(10) == b"still here"
            writer.close()

        listening(body, contexts, loop)

    @pytest.mark.parametrize(
        ("said", "fault"),
        [
            (b"OPTIONS sip:a.example SIP/2.0\r\n", "it speaks no TLS"),
            (b"GET / HTTP/1.1\r\n\r\n", "it speaks HTTP, not TLS"),
        ],
    )
    def test_plain_text_is_closed_at_once_and_told_once(
        self,
        loop: str,
        said: bytes,
        fault: str,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        certificate = Certificate(tmp_path)

        async def body(owner: Owner, address: Address) -> None:
            for _ in range(3):
                reader, writer = await asyncio.open_connection(*address)
                writer.write(said)
                assert await reader.read() == b""
                writer.close()
            await talk(address, certificate.trusting())
            assert len(owner.opened.items) == 1

        listening(body, [server_context([certificate.certified])], loop)
        told = [each for each in caplog.records if each.levelno == logging.WARNING]
        assert [each.name for each in told] == ["ringway.tls"]
        assert told[0].getMessage().startswith("no TLS with 127.0.0.1:")
        assert told[0].getMessage().endswith(fault)

    def test_who_says_nothing_is_closed_when_time_is_up(
        self, loop: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        certificate = Certificate(tmp_path)

        async def main() -> None:
            owner, sock = Owner(), bind_stream(LOCALHOST)
            address = address_of(sock)
            context = server_context([certificate.certified])
            async with asyncio.TaskGroup() as tasks:
                listener = SecureListener(
                    sock,
                    lambda: context,
                    lambda: Connection(owner, "tls", listener=address),
                    tasks.create_task,
                    seconds=0.1,
                )
                reader, writer = await asyncio.open_connection(*address)
                assert await reader.read() == b""
                writer.close()
                listener.close()

        run(main(), loop)
        assert "no handshake within 0.1 s" in caplog.text

    def test_a_peer_that_goes_away_is_nothing_to_tell(
        self, loop: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        certificate = Certificate(tmp_path)

        async def body(_owner: Owner, address: Address) -> None:
            for _ in range(3):
                socket.create_connection(address).close()
            await talk(address, certificate.trusting())

        listening(body, [server_context([certificate.certified])], loop)
        assert not caplog.records


class TestNoRoom:
    def test_it_is_told_once_and_tried_again(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        certificate = Certificate(tmp_path)
        failures = [errno.EMFILE, errno.ECONNABORTED, errno.EMFILE]
        monkeypatch.setattr("ringway.aio.secure._PAUSE", 0.01)

        async def body(_owner: Owner, address: Address) -> None:
            await talk(address, certificate.trusting())
            assert not failures

        accept = asyncio.SelectorEventLoop.sock_accept

        async def failing(loop: asyncio.SelectorEventLoop, sock: socket.socket) -> object:
            if failures:
                raise OSError(failures.pop(0), "no room")
            return await accept(loop, sock)

        monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_accept", failing)
        listening(body, [server_context([certificate.certified])], "asyncio")
        assert [each.getMessage() for each in caplog.records] == [
            "no connection can be accepted: no room"
        ]


class TestServerNames:
    """RFC 5922 §7.8, RFC 6066 §3."""

    @pytest.mark.parametrize(
        ("asked", "shown"),
        [
            ("one.example", "one.example"),
            ("two.example", "two.example"),
            ("TWO.example", "two.example"),
            ("sip.three.example", "*.three.example"),
            ("three.example", "one.example"),
            ("none.example", "one.example"),
            ("", "one.example"),
        ],
    )
    def test_the_certificate_for_the_name_is_shown(
        self, asked: str, shown: str, tmp_path: Path
    ) -> None:
        mine = [
            Certificate(tmp_path, (name,), stem=f"{number}-")
            for number, name in enumerate(("one.example", "two.example", "*.three.example"))
        ]
        bundle = tmp_path / "all.pem"
        bundle.write_bytes(b"".join(each.file.read_bytes() for each in mine))

        async def body(_owner: Owner, address: Address) -> None:
            context = ssl.create_default_context(cafile=str(bundle))
            context.check_hostname = False
            assert names(await talk(address, context, asked)) == {shown}

        listening(body, [server_context([each.certified for each in mine])])

    def test_sip_uris_and_common_names_are_names_too(self, tmp_path: Path) -> None:
        first = Certificate(tmp_path, stem="a-")
        uri = Certificate(tmp_path, ("sip:u.example",), stem="b-", common="x")
        common = Certificate(tmp_path, (), stem="c-", common="c.example")

        async def body(_owner: Owner, address: Address) -> None:
            for name, certificate in (("u.example", uri), ("c.example", common)):
                context = certificate.trusting()
                context.check_hostname = False
                await talk(address, context, name)  # or it would not be trusted

        listening(body, [server_context([each.certified for each in (first, uri, common)])])


class TestClientCertificates:
    """RFC 5922 §7.4."""

    @pytest.mark.parametrize("require", [False, True])
    def test_a_known_one_has_its_names(self, require: bool, tmp_path: Path) -> None:
        mine = Certificate(tmp_path)
        authority = Certificate(tmp_path, ("ca.example",), stem="ca-")
        trunk = Certificate(
            tmp_path, ("sip:trunk.example", "host.example"), stem="t-", issuer=authority, common="t"
        )

        async def body(owner: Owner, address: Address) -> None:
            await talk(address, mine.trusting(trunk))
            assert owner.opened.items == [(("trunk.example",),)]

        listening(body, [server_context([mine.certified], authority.file, require=require)])

    def test_none_is_needed_unless_it_is_required(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        mine = Certificate(tmp_path)
        authority = Certificate(tmp_path, ("ca.example",), stem="ca-")
        contexts = [server_context([mine.certified], authority.file)]

        async def body(owner: Owner, address: Address) -> None:
            await talk(address, mine.trusting())
            assert owner.opened.items == [((),)]
            contexts.append(server_context([mine.certified], authority.file, require=True))
            with pytest.raises((OSError, asyncio.IncompleteReadError)):
                await talk(address, mine.trusting())
            assert len(owner.opened.items) == 1

        listening(body, contexts)
        assert "it shows no certificate" in caplog.text

    @pytest.mark.parametrize(
        ("days", "signed", "words"), [(1, False, "self-signed"), (-1, True, "expired")]
    )
    def test_a_bad_one_is_refused_and_told(
        self,
        days: int,
        signed: bool,
        words: str,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        mine = Certificate(tmp_path)
        authority = Certificate(tmp_path, ("ca.example",), stem="ca-")
        issuer = authority if signed else None
        bad = Certificate(tmp_path, ("trunk.example",), stem="t-", issuer=issuer, days=days)

        async def body(owner: Owner, address: Address) -> None:
            with pytest.raises((OSError, asyncio.IncompleteReadError)):
                await talk(address, mine.trusting(bad))
            assert not owner.opened.items

        listening(body, [server_context([mine.certified], authority.file)])
        assert "its certificate: " in caplog.text
        assert words in caplog.text.replace("self signed", "self-signed")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here")
class TestOpenssl:
    def client(self, tmp_path: Path, *options: str, said: bytes = b"hello\n") -> str:
        """What openssl's client has to say of a listener."""
        certificate = Certificate(tmp_path)
        output = ""

        async def body(_owner: Owner, address: Address) -> None:
            nonlocal output
            process = await asyncio.create_subprocess_exec(
                *("openssl", "s_client", "-connect", str(address), *options),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(said)
            seen = b""
            while not any(word in seen for word in (b"\nhello\n", b":error:")):
                data = await process.stdout.read(4096)
                if not data:
                    break
                seen += data
            process.stdin.close()
            output = (seen + await process.stdout.read()).decode(errors="replace")
            await process.wait()
            await talk(address, certificate.trusting())  # nobody else is harmed

        listening(body, [server_context([certificate.certified])], "asyncio")
        return output

    @pytest.mark.parametrize(("option", "name"), [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")])
    def test_modern_versions_are_spoken(self, option: str, name: str, tmp_path: Path) -> None:
        output = self.client(tmp_path, option)
        assert f"New, {name}" in output
        assert "\nhello\n" in output

    @pytest.mark.parametrize(
        "options",
        [
            ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"),
            ("-tls1", "-cipher", "ALL:@SECLEVEL=0"),
            ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"),
            ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA"),
        ],
    )
    def test_old_versions_and_ciphers_are_not(
        self, options: tuple[str, ...], tmp_path: Path
    ) -> None:
        output = self.client(tmp_path, *options)
        assert "\nhello\n" not in output
        assert "Cipher is (NONE)" in output

    def test_nobody_may_renegotiate_whatever_openssl_does_by_default(self, tmp_path: Path) -> None:
        certificate = Certificate(tmp_path)
        for context in (server_context([certificate.certified]), client_context()):
            assert context.options & ssl.OP_NO_RENEGOTIATION
            assert context.options & ssl.OP_NO_COMPRESSION

    def test_nobody_renegotiates(self, tmp_path: Path) -> None:
        output = self.client(tmp_path, "-tls1_2", said=b"R\nhello\n")
        assert "RENEGOTIATING" in output
        assert "no renegotiation" in output
        assert "\nhello\n" not in output


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionResetError(104, "Connection reset by peer"), ""),
        (ConnectionAbortedError("SSL handshake is taking longer"), "no handshake within 10 s"),
        (ssl.SSLError(1, "what"), ""),
    ],
)
def test_what_is_told_of_a_failed_handshake(error: OSError, words: str) -> None:
    assert handshake_fault(error) == words


def test_a_reason_nobody_has_words_for_is_told_as_it_is() -> None:
    error = ssl.SSLError(1, "x")
    error.reason = "BAD_SOMETHING_ELSE"
    assert handshake_fault(error) == "bad something else"
