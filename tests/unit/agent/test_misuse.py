"""Applications that do what they should not, and far ends that do not answer at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from tests.unit.agent.support import PATIENCE, place, run

from ringway import FailedError, UserAgent
from ringway.message import Request, build_response, parse_datagram
from ringway.ua.events import Unregistered


def fail(*_: object) -> None:
    raise RuntimeError("oops")


class TestCallbacks:
    @pytest.mark.parametrize("name", ["on_event", "on_decision"])
    def test_one_that_raises_changes_nothing(self, tmp_path: Path, name: str) -> None:
        async def main() -> None:
            async with place(tmp_path) as here, asyncio.timeout(PATIENCE):
                callbacks: dict[str, Callable[..., None]] = {name: fail}
                async with here.agent("alice", wait=60.0, **callbacks) as alice:
                    assert alice.slots[0].registered

        run(main())


class TestLife:
    @pytest.mark.parametrize(
        "use",
        [
            lambda agent: agent.call("sip:bob@example.com"),
            lambda agent: agent.network_changed(),
        ],
    )
    def test_not_entered(self, use: Callable[[UserAgent], Any]) -> None:
        with pytest.raises(RuntimeError, match="async with"):
            use(UserAgent("sip:alice@example.com"))

    def test_entered_twice(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with place(tmp_path) as here, here.agent("alice") as alice:
                with pytest.raises(RuntimeError, match="once"):
                    await alice.__aenter__()
                assert alice.slots[0].registered

        run(main())

    def test_callees_that_ignore_a_cancel_do_not_keep_the_registration(
        self, tmp_path: Path
    ) -> None:
        async def main() -> None:
            events: list[object] = []
            async with place(tmp_path) as here, deaf() as callee:
                agent = here.agent("alice", outbound=[], on_event=events.append)
                async with agent as alice:
                    for _ in range(3):
                        call = await alice.call(callee).__aenter__()
                        await anext(call)
                assert here.server.bindings() == []
            assert isinstance(events[-1], Unregistered)

        run(main())


class TestRequests:
    @pytest.mark.parametrize("method", ["INVITE", "ACK", "CANCEL", "BYE", "PRACK"])
    def test_what_is_no_request_by_itself(self, tmp_path: Path, method: str) -> None:
        async def main() -> None:
            async with place(tmp_path) as here, here.agent("alice") as alice:
                with pytest.raises(ValueError, match=method):
                    await alice.request(method, here.uri("bob"))

        run(main())

    def test_we_say_who_we_are_once(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with place(tmp_path) as here, here.agent("alice"), here.agent("bob") as bob:
                reply = await bob.options(here.uri("alice"))
                assert reply.response.values("server") == ("ringway",)

        run(main())


class TestTakenCalls:
    def test_to_wait_for_an_answer_that_the_caller_does_not_wait_for(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with (
                place(tmp_path) as here,
                here.agent("alice") as alice,
                here.agent("bob") as bob,
            ):
                calls = bob.calls()
                async with alice.call(here.uri("bob")) as call:
                    taken = await anext(calls)
                    await call.hang_up()
                    with pytest.raises(FailedError) as failed:
                        await taken.answered()
                    assert failed.value.failure.status == 487

        run(main())


class _Deaf(asyncio.DatagramProtocol):
    """Rings, and then takes notice of nothing."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        request = parse_datagram(data)
        if isinstance(request, Request) and request.method == "INVITE":
            self._transport.sendto(build_response(request, 180, to_tag="d").to_bytes(), addr)


@asynccontextmanager
async def deaf() -> AsyncIterator[str]:
    """Somebody who rings and never answers, not even a CANCEL; its URI."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(_Deaf, local_addr=("127.0.0.1", 0))
    yield f"sip:deaf@127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    transport.close()
