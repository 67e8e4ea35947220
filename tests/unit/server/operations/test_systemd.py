import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.aio.support import run

from ringway.aio.sockets import address_of
from ringway.errors import ConfigError
from ringway.server.config.load import make_config
from ringway.server.config.values import read_listen
from ringway.server.operations.systemd import Supervisor, passed_sockets, take_socket
from ringway.server.server import Server


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(5)
        yield sock


class TestNotify:
    def test_says_it_to_the_socket(self, manager: socket.socket) -> None:
        environ = {"NOTIFY_SOCKET": manager.getsockname(), "OTHER": "x"}
        Supervisor(environ).tell("READY=1", "STATUS=serving")
        assert manager.recv(100) == b"READY=1\nSTATUS=serving"
        assert environ == {"OTHER": "x"}

    def test_an_abstract_socket(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.bind("")  # the system chooses an abstract name
            name = sock.getsockname()
            Supervisor({"NOTIFY_SOCKET": "@" + name[1:].decode()}).tell("READY=1")
            sock.settimeout(5)
            assert sock.recv(100) == b"READY=1"

    def test_nobody_there(self, tmp_path: Path) -> None:
        Supervisor({}).tell("READY=1")
        Supervisor({"NOTIFY_SOCKET": str(tmp_path / "none")}).tell("READY=1")


class TestWatchdog:
    def test_signs_of_life_come_twice_as_often_as_needed(self, manager: socket.socket) -> None:
        async def main() -> None:
            loop = asyncio.get_running_loop()
            environ = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "100000"}
            supervisor = Supervisor({**environ, "WATCHDOG_PID": str(os.getpid())})
            begun = loop.time()
            supervisor.watch(loop)
            manager.setblocking(False)
            for _ in range(4):
                assert await loop.sock_recv(manager, 100) == b"WATCHDOG=1"
            assert loop.time() - begun >= 0.1
            supervisor.close()
            supervisor.close()

        run(main())

    @pytest.mark.parametrize(
        "environ",
        [{}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"}],
    )
    def test_none_is_wanted(self, environ: dict[str, str], manager: socket.socket) -> None:
        async def main() -> None:
            supervisor = Supervisor({"NOTIFY_SOCKET": manager.getsockname(), **environ})
            supervisor.watch(asyncio.get_running_loop())
            manager.setblocking(False)
            with pytest.raises(BlockingIOError):
                manager.recv(100)

        run(main())


class TestPassedSockets:
    @pytest.mark.parametrize(
        "environ", [{}, {"LISTEN_PID": "1", "LISTEN_FDS": "2"}, {"LISTEN_FDS": "1"}]
    )
    def test_what_is_for_another_process_is_left_alone(self, environ: dict[str, str]) -> None:
        assert passed_sockets(environ) == []
        assert not environ

    def test_what_is_no_socket_is_said(self) -> None:
        """In a process of its own: the numbers begin at 3."""
        code = (
            "import os; from ringway.server.operations.systemd import passed_sockets\n"
            "from ringway.errors import ConfigError\n"
            "os.dup2(os.open('/dev/null', 0), 3)\n"
            "for count in '1', '5':\n"
            "    try: passed_sockets({'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': count})\n"
            "    except ConfigError as error: print(error)\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        first, second = done.stdout.decode().splitlines()
        assert "a socket unit with sockets only" in first
        assert "a socket unit with sockets only" in second

    def test_a_server_listens_on_them(self) -> None:
        async def main() -> None:
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.bind(("127.0.0.1", 0))
            tcp = socket.socket()
            tcp.bind(("127.0.0.1", 0))
            where = [f"udp:{address_of(udp)}", f"tcp:{address_of(tcp)}"]
            async with Server(make_config(listen=where), sockets=[tcp, udp]) as server:
                assert [str(each.address) for each in server.listeners] == [
                    each.partition(":")[2] for each in where
                ]
                _, writer = await asyncio.open_connection(*address_of(tcp))
                writer.close()
                assert udp.gettimeout() == 0

        run(main())

    def test_one_that_nothing_listens_on_is_closed_and_named(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def main() -> None:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind(("127.0.0.1", 0))
            config = make_config(listen=["udp:127.0.0.1:0"])
            async with Server(config, sockets=[sock]):
                assert sock.fileno() == -1

        run(main())
        assert "nothing listens on these sockets we were given: ('127.0.0.1', " in caplog.text

    def test_kind_and_address_have_to_be_the_same(self, tmp_path: Path) -> None:
        with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as unix:
            tcp.bind(("127.0.0.1", 0))
            unix.bind(str(tmp_path / "x"))
            sockets, address = [unix, tcp], address_of(tcp)
            assert take_socket(sockets, read_listen(f"udp:{address}")) is None
            assert take_socket(sockets, read_listen(f"tcp:127.0.0.2:{address.port}")) is None
            assert take_socket(sockets, read_listen(f"tls:{address}")) is tcp
            assert sockets == [unix]

    def test_one_of_both_families_is_refused(self) -> None:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind(("::", 0))
            with pytest.raises(ConfigError, match="BindIPv6Only=ipv6-only"):
                take_socket([sock], read_listen(f"udp:{address_of(sock)}"))
