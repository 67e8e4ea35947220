import asyncio
from collections.abc import Sized

import pytest
from tests.harness import Harness, kin
from tests.unit.aio.support import run

from ringway.endpoint import RequestReceived
from ringway.endpoint.gate import Proof, Refusal
from ringway.message import Request
from ringway.server.operations.drain import ClosedGate, all_answered
from ringway.transport.flow import Flow

CLOSED = Refusal(503, (("Retry-After", "10"),))


class Watched:
    """A gate that takes note of what it is asked, and says no to everything."""

    bans: Sized = ("192.0.2.1",)

    def __init__(self) -> None:
        self.told: list[int] = []

    def hears(self, host: str, now: float) -> bool:
        return False

    def refuses(self, request: Request, flow: Flow, now: float) -> Refusal | None:
        return Refusal(0) if request.method == "MESSAGE" else None

    def answers(self, flow: Flow, now: float) -> bool:
        return False

    def answered(
        self, request: Request, flow: Flow, status: int, now: float, *, proof: Proof
    ) -> None:
        self.told.append(status)

    def trusts(self, flow: Flow) -> bool:
        return False


class TestGate:
    @pytest.mark.parametrize("method", ["INVITE", "REGISTER", "OPTIONS", "SUBSCRIBE"])
    def test_new_work_is_told_to_come_again(self, method: str) -> None:
        h = Harness()
        peer = h.peer("udp", "10.0.0.2")
        h.endpoint.gate = ClosedGate(None, 2.5)
        peer.request(method)
        assert peer.statuses == [503]
        assert peer.last.get("retry-after") == "5"
        assert not h.events

    def test_what_belongs_to_a_dialog_goes_on(self) -> None:
        h = Harness()
        peer = h.peer("udp", "10.0.0.2")
        h.endpoint.gate = ClosedGate(None, 10)
        transaction = h.receive(peer, "BYE", to="<sip:bob@ringway.test>;tag=b")
        h.reply(transaction, 200)
        assert peer.statuses == [200]

    def test_a_call_that_began_before_can_still_be_cancelled_and_answered(self) -> None:
        h = Harness()
        peer = h.peer("udp", "10.0.0.2")
        request = peer.request("INVITE")
        [event] = h.events
        assert isinstance(event, RequestReceived)
        transaction = event.transaction
        known = len(h.events)
        assert h.endpoint.unanswered == 1
        h.endpoint.gate = ClosedGate(h.endpoint.gate, 10)
        peer.send(kin(request, "CANCEL"))
        assert len(h.events) == known + 1
        assert 503 not in peer.statuses
        h.reply(transaction, 487)
        assert h.endpoint.unanswered == 0
        assert peer.statuses[-1] == 487

    def test_the_gate_before_it_still_decides(self) -> None:
        h, watched = Harness(), Watched()
        gate = ClosedGate(watched, 10)
        peer = h.peer("udp", "10.0.0.2")
        flow = peer.flow
        assert flow is not None
        assert gate.bans == watched.bans
        assert (gate.hears("x", 0.0), gate.answers(flow, 0.0), gate.trusts(flow)) == (False,) * 3
        assert gate.refuses(peer.request("MESSAGE"), flow, 0.0) == Refusal(0)
        request = peer.request("OPTIONS")
        assert gate.refuses(request, flow, 0.0) == CLOSED
        gate.answered(request, flow, 404, 0.0, proof=Proof.UNCHECKED)
        assert watched.told == [404]

    def test_without_one_before_it_nothing_else_changes(self) -> None:
        h = Harness()
        peer = h.peer("udp", "10.0.0.2")
        gate, flow = ClosedGate(None, 10), peer.flow
        assert flow is not None
        gate.answered(peer.request("OPTIONS"), flow, 404, 0.0, proof=Proof.UNCHECKED)
        assert not gate.bans
        assert (gate.hears("x", 0.0), gate.answers(flow, 0.0), gate.trusts(flow)) == (True,) * 3


class TestWaiting:
    def test_ends_with_the_last_answer(self) -> None:
        async def main() -> None:
            left = [2, 1, 0]
            assert await all_answered(lambda: left.pop(0), 9.0, asyncio.Event()) == 0
            assert not left

        run(main())

    def test_is_bounded(self) -> None:
        assert run(all_answered(lambda: 3, 0.1, asyncio.Event())) == 3
        assert run(all_answered(lambda: 3, 0.0, asyncio.Event())) == 3

    def test_ends_when_there_is_hurry(self) -> None:
        async def main() -> None:
            hurry = asyncio.Event()
            asyncio.get_running_loop().call_later(0.05, hurry.set)
            assert await all_answered(lambda: 1, 3600.0, hurry) == 1

        run(main())
