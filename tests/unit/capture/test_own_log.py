import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.unit.capture.packets import sip

from ringway.capture.items import Closed, Decided, Opened, Seen, Trouble
from ringway.capture.own_log import looks_like_events, read_events
from ringway.codes import Effect
from ringway.endpoint.decision import Decision, Kind
from ringway.endpoint.witness import Witnessed
from ringway.explain import StoryTeller, event, message_event
from ringway.transport.flow import TRANSPORTS, Address, Flow

LINE = json.dumps(event(Decision(at=1.5, kind=Kind.ANSWER, text="answered", call_id="c1")))

texts = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
hosts = st.ip_addresses().map(str)
addresses = st.builds(Address, hosts, st.integers(1, 65535))
flows = st.builds(Flow, st.sampled_from(TRANSPORTS), addresses, addresses, st.integers(0, 2**53))
decisions = st.builds(
    Decision,
    at=st.integers(0, 4 * 10**15).map(lambda microseconds: microseconds / 1_000_000),
    kind=st.sampled_from(Kind),
    text=texts,
    call_id=texts,
    method=st.sampled_from(["", "INVITE", "REGISTER"]),
    status=st.just(0) | st.integers(100, 699),
    flow=st.none() | flows,
    aor=st.sampled_from(["", "sip:alice@example.com"]),
    effects=st.lists(st.sampled_from(Effect), max_size=3).map(tuple),
    why=texts,
)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_comes_back(kind: Kind) -> None:
    flow = Flow("tcp", Address("2001:db8::1", 5060), Address("192.0.2.1", 40112), 7)
    decision = Decision(
        at=1767225600.031,
        kind=kind,
        text="its connection is closed",
        call_id="175fc8adb5518cd8",
        method="BYE",
        status=503,
        flow=flow,
        aor="sip:alice@example.com",
        effects=tuple(Effect),
        why="It could not be sent.",
    )
    least = Decision(at=0.0, kind=kind, text="")
    lines = [json.dumps(event(decision)), json.dumps(event(least))]
    first, second = read_events(lines)
    assert second == Decided(0.0, (2,), least)
    if kind is Kind.FLOW_OPENED:
        assert first == Opened(decision.at, (1,), "tcp", flow.remote, flow.local)
    elif kind is Kind.FLOW_CLOSED:
        assert first == Closed(decision.at, (1,), "tcp", flow.local, flow.remote, "closed")
    else:
        assert first == Decided(decision.at, (1,), decision)


@pytest.mark.parametrize(
    ("text", "theirs", "how"),
    [
        ("closed by the peer", True, "closed"),
        ("connection reset by peer", True, "reset"),
        ("too many connections", False, "closed"),
    ],
)
def test_who_closed_a_connection(text: str, theirs: bool, how: str) -> None:
    here, there = Address("192.0.2.1", 5060), Address("192.0.2.2", 40112)
    closed = Decision(at=1.0, kind=Kind.FLOW_CLOSED, text=text, flow=Flow("tcp", here, there, 7))
    ends = (there, here) if theirs else (here, there)
    line = json.dumps(event(closed))
    assert list(read_events([line])) == [Closed(1.0, (1,), "tcp", *ends, how)]


def test_who_opened_a_connection() -> None:
    here, there = Address("192.0.2.1", 40112), Address("192.0.2.2", 5060)
    flow = Flow("tls", here, there, 7)
    opened = Decision(at=1.0, kind=Kind.FLOW_OPENED, text="opened by us", flow=flow)
    assert list(read_events([json.dumps(event(opened))])) == [Opened(1.0, (1,), "tls", here, there)]


@pytest.mark.parametrize("sent", [True, False])
def test_a_message(sent: bool) -> None:
    here, there = Address("192.0.2.1", 5060), Address("192.0.2.2", 40112)
    data = sip(call="c1") + b"\xff"
    witnessed = Witnessed(1.5, Flow("ws", here, there, 7), sent, data)
    (seen,) = read_events([json.dumps(message_event(witnessed))])
    assert isinstance(seen, Seen)
    ends = (here, there) if sent else (there, here)
    assert (seen.at, seen.frames, seen.transport, seen.source, seen.target) == (
        1.5,
        (1,),
        "ws",
        *ends,
    )
    assert seen.data == data
    assert seen.message is not None
    assert seen.message.call_id == "c1"


def test_a_message_from_nowhere() -> None:
    line = '{"at": 1, "kind": "message", "sent": true, "data": "x"}'
    reason = "a message that does not say from where to where"
    assert list(read_events([line])) == [Trouble(0.0, (1,), reason)]


@given(decisions)
def test_comes_back_as_it_is_in_the_log(decision: Decision) -> None:
    line = json.dumps(event(decision))
    (item,) = read_events([line.encode() + b"\n"])
    assume(isinstance(item, Decided))  # a connection is another item
    assert isinstance(item, Decided)
    back = item.decision
    assert event(back) == event(decision)
    assert back.flow == decision.flow
    assert (back.kind, back.effects, back.status) == (
        decision.kind,
        decision.effects,
        decision.status,
    )


def test_tells_the_same_story() -> None:
    decisions = [
        Decision(at=1.0, kind=Kind.REQUEST, text="to one", call_id="c1", method="INVITE"),
        Decision(
            at=2.0, kind=Kind.ANSWER, text="with 200", call_id="c1", method="INVITE", status=200
        ),
    ]
    first, second = StoryTeller(), StoryTeller()
    for decision in decisions:
        first.tell(decision)
    for back in read_events([json.dumps(event(decision)) for decision in decisions]):
        assert isinstance(back, Decided)
        second.tell(back.decision)
    assert second.close() == first.close() != ()


@pytest.mark.parametrize(
    "line",
    [
        f"Jan  5 10:00:00 host ringway[7]: {LINE}",
        f"\ufeff{LINE}\r\n",
        LINE.replace("{", '{"event": "decision", '),
    ],
)
def test_what_a_logger_adds(line: str) -> None:
    (back,) = read_events([line])
    assert isinstance(back, Decided)
    assert back.decision.call_id == "c1"


@pytest.mark.parametrize(
    "line",
    [
        "",
        " \n",
        '{"at": 1, "kind": "ready", "role": "all"}',
        '{"at": 1, "kind": "log", "level": "error", "text": "x"}',
        '{"event": "registered"}',
    ],
)
def test_what_is_no_decision(line: str) -> None:
    assert list(read_events([line])) == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("ringway: warning: x", "no event"),
        (LINE[:-5], "no whole event"),
        ("[{}]x", "no whole event"),
        ('{"at": 1, "kind": "answer", "flow": ' + "9" * 5000 + "}", "no whole event"),
        ('{"a":' * 300_000, "a line that is too long for an event"),
        ('{"a":' * 40_000, "no whole event"),
        ('{"at": 1, "kind": "new"}', "an event of a kind that is not known"),
        ('{"at": 1, "kind": ["answer"]}', "an event of a kind that is not known"),
        ('{"kind": "answer"}', "an event without a time"),
        ('{"at": true, "kind": "answer"}', "an event without a time"),
        ('{"at": NaN, "kind": "answer"}', "an event without a time"),
        ('{"at": 1e300, "kind": "answer"}', "an event without a time"),
        ('{"at": "1", "kind": "answer"}', "an event without a time"),
    ],
)
def test_what_cannot_be_read(line: str, reason: str) -> None:
    assert list(read_events([LINE, line]))[1:] == [Trouble(1.5, (2,), reason)]


@pytest.mark.parametrize(
    "flow",
    [
        "x",
        {},
        {"transport": "sctp", "local": "1.2.3.4:5", "remote": "1.2.3.4:5"},
        {"transport": "udp", "local": "1.2.3.4", "remote": "1.2.3.4:5"},
        {"transport": "udp", "local": "1.2.3.4:5", "remote": "1.2.3.4:65536"},
        {"transport": "udp", "local": "1.2.3.4:5", "remote": 5},
        {"transport": "udp", "local": "1.2.3.4:5", "remote": "1.2.3.4:5", "generation": True},
        {"transport": ["udp"], "local": "1.2.3.4:5", "remote": "1.2.3.4:5"},
    ],
)
def test_a_field_that_makes_no_sense_is_left_out(flow: object) -> None:
    values = {
        "at": 1,
        "kind": "answer",
        "flow": flow,
        "status": 1000,
        "text": 5,
        "effects": ["x", 5],
    }
    plain = Decided(1.0, (1,), Decision(at=1.0, kind=Kind.ANSWER, text=""))
    assert list(read_events([json.dumps(values)])) == [plain]
    assert list(read_events(['{"at": 1, "kind": "answer", "effects": "forward"}'])) == [plain]


def test_troubles_are_counted_not_repeated() -> None:
    items = list(read_events(["what"] * 100))
    assert len(items) == 21
    assert items[-1] == Trouble(0.0, (), "80 more of 100 lines could not be read as events")


def test_looks_like_events() -> None:
    assert looks_like_events(LINE.encode())
    assert looks_like_events(b"Jan  5 host ringway[7]: " + LINE.encode())
    assert looks_like_events(b'{"event": "decision", ' + LINE[1:].encode())
    assert looks_like_events(b'{"at": 1.0, "kind": "ready", "role": "all"}')
    assert not looks_like_events(b"SIP/2.0 200 OK\r\n")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(
    ["at", "kind", "text", "call_id", "status", "flow", "effects", "event", "data", "sent"]
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.text(max_size=40)
        | st.binary(max_size=40)
        | json_values.map(json.dumps)
        | st.dictionaries(fields, json_values).map(
            lambda values: json.dumps({"at": 1, "kind": "answer", **values})
        ),
        max_size=5,
    )
)
def test_never_raises(lines: list[bytes | str]) -> None:
    for item in read_events(lines):
        assert isinstance(item, Decided | Trouble | Seen | Opened | Closed)
        if isinstance(item, Decided):
            event(item.decision)
