import asyncio
import logging
import socket
import time
from contextlib import AsyncExitStack

import pytest
from tests.unit.aio.support import run

from ringway.aio.sockets import bind_stream
from ringway.cli import serve as serve_module
from ringway.errors import ConfigError
from ringway.server.config.load import make_config
from ringway.transport.flow import Address
from ringway.web.serving import WebServer

ANY = Address("127.0.0.1", 0)


async def ask(url: str, path: str = "/en/430.html") -> bytes:
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer


class TestWebServer:
    def test_serves_until_it_is_left(self) -> None:
        async def main() -> None:
            async with WebServer(bind_stream(ANY)) as web:
                answer = await ask(web.url)
                assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
                assert b"\r\nserver:" not in answer
            with pytest.raises(OSError, match=r"refused|Connect"):
                await ask(web.url)

        run(main())

    def test_an_error_beside_it_stays_what_it_is(self) -> None:
        async def main() -> None:
            async with WebServer(bind_stream(ANY)):
                raise ConfigError("settings", "listen", "x", "y")

        with pytest.raises(ConfigError):
            run(main())

    def test_a_fault_of_its_own_ends_nothing_else(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def main() -> None:
            web = WebServer(bind_stream(ANY))

            async def broken(sockets: object) -> None:
                raise RuntimeError("broken")

            monkeypatch.setattr(web._server, "serve", broken)
            async with web:
                await asyncio.sleep(0)
                await asyncio.sleep(0)

        run(main())
        assert "the web pages have ended; SIP goes on" in caplog.text

    def test_names_an_ipv6_address_in_brackets(self) -> None:
        if not socket.has_ipv6:
            pytest.skip("no IPv6")
        with bind_stream(Address("::1", 0)) as sock:
            assert WebServer(sock).url.startswith("http://[::1]:")

    def test_holds_the_loop_for_no_more_than_a_moment(self) -> None:
        """Pages that nobody has read yet are made in a thread; the loop goes on."""

        async def main() -> float:
            longest = 0.0
            async with WebServer(bind_stream(ANY)) as web, asyncio.TaskGroup() as tasks:
                asked = tasks.create_task(ask_many(web.url))
                while not asked.done():
                    begun = time.perf_counter()
                    await asyncio.sleep(0)
                    longest = max(longest, time.perf_counter() - begun)
            return longest

        async def ask_many(url: str) -> None:
            for each in range(400, 440):
                await ask(url, f"/zh/{each}-vs-603.html")

        assert run(main()) < 0.1  # generous: the machine may be busy; the bench has the figure


class TestBesideSip:
    def serve(self, **web: str) -> str:
        async def main() -> str:
            async with AsyncExitStack() as stack:
                return await serve_module._serve_web(make_config(web=web).web, stack)

        return run(main())

    def test_off(self) -> None:
        assert self.serve(listen="off") == ""

    def test_a_port_that_is_asked_for_and_taken_is_a_fault(self) -> None:
        with bind_stream(ANY) as taken:
            where = f"127.0.0.1:{taken.getsockname()[1]}"
            with pytest.raises(ConfigError, match=f"web.listen = '{where}'.*in use"):
                self.serve(listen=where)

    def test_the_default_port_that_is_taken_is_a_warning(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def taken(_address: Address) -> socket.socket:
            raise OSError(98, "Address already in use")

        monkeypatch.setattr(serve_module, "bind_stream", taken)
        assert self.serve() == ""
        [record] = caplog.records
        assert record.levelno == logging.WARNING
        assert "127.0.0.1:8080 cannot be used (address already in use)" in record.getMessage()
