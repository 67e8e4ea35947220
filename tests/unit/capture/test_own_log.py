import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringway.capture.items import Trouble
from ringway.capture.own_log import looks_like_events, read_events
from ringway.codes import Effect
from ringway.endpoint.decision import Decision, Kind
from ringway.explain import StoryTeller, event
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
    assert list(read_events(lines)) == [decision, least]


@given(decisions)
def test_comes_back_as_it_is_in_the_log(decision: Decision) -> None:
    line = json.dumps(event(decision))
    (back,) = read_events([line.encode() + b"\n"])
    assert isinstance(back, Decision)
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
        assert isinstance(back, Decision)
        second.tell(back)
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
    assert isinstance(back, Decision)
    assert back.call_id == "c1"


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
        ('{"a":' * 90_000, "a line that is too long for an event"),
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
    assert list(read_events([json.dumps(values)])) == [Decision(at=1.0, kind=Kind.ANSWER, text="")]
    (other,) = read_events(['{"at": 1, "kind": "answer", "effects": "forward"}'])
    assert other == Decision(at=1.0, kind=Kind.ANSWER, text="")


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
fields = st.sampled_from(["at", "kind", "text", "call_id", "status", "flow", "effects", "event"])


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
        assert isinstance(item, Decision | Trouble)
        if isinstance(item, Decision):
            event(item)
