"""One attempt of a request."""

from __future__ import annotations

from tests.harness import Harness, make_request

from ringway.codes import Source
from ringway.endpoint import RequestFailed, ResponseReceived
from ringway.message import Response, build_response
from ringway.transport.flow import Flow
from ringway.ua.requests.attempt import Attempt


class Hearer:
    def __init__(self) -> None:
        self.told: list[str] = []

    def heard(self, attempt: Attempt, response: Response, flow: Flow, now: float) -> None:
        self.told.append(f"{attempt.request.method} {response.status} {flow} {now}")

    def silent(self, attempt: Attempt, source: Source, detail: str, now: float) -> None:
        self.told.append(f"{attempt.request.method} {source} {detail} {now}")


def test_it_tells_who_made_it() -> None:
    h = Harness()
    peer = h.peer("udp", "10.0.0.2")
    assert peer.flow is not None
    client, _ = h.send("OPTIONS", peer)
    hearer = Hearer()
    request = make_request("OPTIONS")
    attempt = Attempt(hearer, request, peer.flow)
    attempt.handle(ResponseReceived(client, build_response(request, 200), peer.flow), 1.0)
    attempt.handle(RequestFailed(client, Source.TIMER, "nothing"), 2.0)
    assert hearer.told == ["OPTIONS 200 udp 10.0.0.2:5060 1.0", "OPTIONS timer nothing 2.0"]


def test_it_may_be_repeated_unless_somebody_may_serve_it() -> None:
    flow = Harness().peer("udp", "10.0.0.2").flow
    assert flow is not None
    attempt = Attempt(Hearer(), make_request("INVITE"), flow)
    assert all(attempt.may_be_repeated(source) for source in Source)
    attempt.rang = True
    assert attempt.may_be_repeated(Source.RECEIVED)
    assert not attempt.may_be_repeated(Source.TIMER)
    assert not attempt.may_be_repeated(Source.TRANSPORT)
