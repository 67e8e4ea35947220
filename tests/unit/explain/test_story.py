import json

import pytest

from ringway.codes import Effect
from ringway.endpoint.decision import Decision, Kind
from ringway.explain import StoryTeller, Tone, escape, event
from ringway.transport.flow import Address, Flow

CALL = "a84b4c76e66710"
ALICE = "sip:alice@example.com"
FLOW = Flow("tcp", Address("192.0.2.1", 5060), Address("192.0.2.9", 40112), 7)


def decision(
    at: float,
    kind: Kind,
    text: str = "",
    status: int = 0,
    *,
    call_id: str = CALL,
    method: str = "INVITE",
    flow: Flow | None = None,
    why: str = "",
    aor: str = "",
    effects: tuple[Effect, ...] = (),
) -> Decision:
    return Decision(
        at=at,
        kind=kind,
        call_id=call_id,
        method=method,
        status=status,
        flow=flow,
        text=text,
        aor=aor,
        effects=effects,
        why=why,
    )


def failed_over() -> list[Decision]:
    return [
        decision(100.0, Kind.REQUEST, "from Bob", aor=ALICE),
        decision(100.001, Kind.BRANCH, "to reg-id 1", flow=FLOW),
        decision(100.0025, Kind.FAILOVER, "", 430, why="The flow is gone: try the next one."),
        decision(101.25, Kind.ANSWER, "", 200),
    ]


def told(teller: StoryTeller, decisions: list[Decision]) -> list[str]:
    return [line for one in decisions for line in teller.tell(one)]


class TestStory:
    def test_reads_as_a_dialogue(self) -> None:
        teller = StoryTeller()
        assert told(teller, failed_over()) == []
        assert teller.next_timer() == pytest.approx(101.75)
        assert teller.settle(101.7) == ()
        assert teller.settle(101.75) == (
            f"00:01:40.000Z INVITE {ALICE}, call {CALL}",
            "   +0.000 request     from Bob",
            "   +0.001 branch      to reg-id 1 (tcp 192.0.2.9:40112 #7)",
            "   +0.002 failover    430 Flow Failed",
            "                      The flow is gone: try the next one.",
            "   +1.250 answer      200 OK",
        )
        assert teller.next_timer() is None
        assert teller.settle(999.0) == ()

    def test_what_follows_the_final_answer_at_once_belongs_to_it(self) -> None:
        teller = StoryTeller()
        told(teller, failed_over())
        teller.tell(decision(101.4, Kind.CANCEL, "the other branch"))
        assert teller.settle(101.8) == ()
        assert teller.settle(101.9)[-1] == "   +1.400 cancel      the other branch"

    def test_calls_are_kept_apart(self) -> None:
        teller = StoryTeller()
        for at, call_id in ((1.0, "one"), (1.1, "two"), (1.2, "one"), (1.3, "two")):
            kind = Kind.REQUEST if at < 1.2 else Kind.ANSWER
            teller.tell(decision(at, kind, call_id=call_id, status=200 if at >= 1.2 else 0))
        lines = teller.settle(9.0)
        assert [line for line in lines if "INVITE" in line] == [
            "00:00:01.000Z INVITE, call one",
            "00:00:01.100Z INVITE, call two",
        ]
        assert len(lines) == 6

    def test_a_later_request_is_a_chapter_of_the_same_call(self) -> None:
        teller = StoryTeller()
        told(teller, failed_over())
        teller.settle(103.0)
        teller.tell(decision(160.0, Kind.REQUEST, method="BYE"))
        teller.tell(decision(160.25, Kind.ANSWER, status=200, method="BYE"))
        assert teller.settle(161.0) == (
            f"00:02:40.000Z BYE, later in call {CALL}",
            "  +0:01:00 request",
            "  +0:01:00 answer      200 OK",
        )

    def test_a_challenge_does_not_end_the_story_of_the_retry(self) -> None:
        teller = StoryTeller()
        teller.tell(decision(1.0, Kind.REQUEST))
        teller.tell(decision(1.0, Kind.ANSWER, status=401))
        teller.tell(decision(1.1, Kind.REQUEST, method="ACK"))
        assert teller.next_timer() == pytest.approx(1.6)
        teller.tell(decision(1.2, Kind.REQUEST))
        assert teller.settle(10.0) == ()

    def test_a_bye_does_not_end_the_story_of_a_pending_invite(self) -> None:
        teller = StoryTeller()
        teller.tell(decision(1.0, Kind.REQUEST))
        teller.tell(decision(1.1, Kind.REQUEST, method="BYE"))
        teller.tell(decision(1.2, Kind.ANSWER, status=200, method="BYE"))
        assert teller.settle(10.0) == ()

    @pytest.mark.parametrize(
        ("kind", "status", "method", "ends"),
        [
            (Kind.ANSWER, 180, "INVITE", False),
            (Kind.BRANCH, 200, "INVITE", False),
            (Kind.REJECT, 480, "INVITE", True),
            (Kind.REDIRECT, 302, "INVITE", True),
            (Kind.BOUND, 0, "REGISTER", True),
            (Kind.UNBOUND, 0, "INVITE", False),
        ],
    )
    def test_what_ends_a_story(self, kind: Kind, status: int, method: str, ends: bool) -> None:
        teller = StoryTeller()
        teller.tell(decision(1.0, Kind.REQUEST, method=method))
        teller.tell(decision(1.0, kind, status=status, method=method))
        assert bool(teller.settle(2.0)) is ends

    def test_a_call_that_never_ends_is_told_when_silent(self) -> None:
        teller = StoryTeller(quiet=30.0)
        teller.tell(decision(1.0, Kind.REQUEST))
        assert teller.next_timer() == 31.0
        assert teller.settle(30.0) == ()
        assert len(teller.settle(31.0)) == 2

    def test_the_earliest_timer_wins(self) -> None:
        teller = StoryTeller(linger=1.0, quiet=5.0)
        teller.tell(decision(1.0, Kind.REQUEST, call_id="silent"))
        teller.tell(decision(5.5, Kind.REJECT, status=480, call_id="ended"))
        assert teller.next_timer() == 6.0
        assert "silent" in teller.settle(6.0)[0]
        assert teller.next_timer() == 6.5

    def test_registrations_under_one_call_id_are_stories_of_their_own(self) -> None:
        teller = StoryTeller()
        for start, clock in ((1.0, "00:00:01.000Z"), (3601.0, "01:00:01.000Z")):
            teller.tell(decision(start, Kind.BOUND, "reg-id 1", method="REGISTER", aor=ALICE))
            assert teller.settle(start + 1) == (
                f"{clock} REGISTER {ALICE}, call {CALL}",
                "   +0.000 bound       reg-id 1",
            )

    def test_close_tells_everything(self) -> None:
        teller = StoryTeller()
        teller.tell(decision(1.0, Kind.REQUEST, call_id="open"))
        teller.tell(decision(1.0, Kind.REJECT, status=480, call_id="ended"))
        assert len(teller.close()) == 4
        assert teller.close() == ()

    def test_without_a_call_it_is_told_at_once(self) -> None:
        closed = decision(1.0, Kind.FLOW_CLOSED, "by peer", call_id="", method="", flow=FLOW)
        assert StoryTeller().tell(closed) == (
            "00:00:01.000Z flow closed: by peer (tcp 192.0.2.9:40112 #7)",
        )
        silent = decision(1.0, Kind.FLOW_OPENED, call_id="", method="")
        assert StoryTeller().tell(silent) == ("00:00:01.000Z flow opened",)

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("it answered 486", "it answered 486 Busy Here"),
            ("it answered 486; redirected", "it answered 486 Busy Here; redirected"),
            ("follows 486 to sip:486@x", "follows 486 Busy Here to sip:486@x"),
            ("sip:486@x is busy", "sip:486@x is busy 486 Busy Here"),
            ("486", "486 486 Busy Here"),
            ("", "486 Busy Here"),
        ],
    )
    def test_a_code_is_told_once(self, text: str, line: str) -> None:
        told = StoryTeller(live=True).tell(decision(1.0, Kind.ANSWER, text, 486))
        assert told[0].partition("answer      ")[2] == line


class TestBounds:
    def test_too_many_calls(self) -> None:
        teller = StoryTeller(most=2)
        assert teller.tell(decision(1.0, Kind.REQUEST, call_id="a")) == ()
        assert teller.tell(decision(2.0, Kind.REJECT, status=480, call_id="b")) == ()
        assert "call b" in teller.tell(decision(3.0, Kind.REQUEST, call_id="c"))[0]
        assert "call a" in teller.tell(decision(4.0, Kind.REQUEST, call_id="d"))[0]

    def test_too_many_told_calls(self) -> None:
        teller = StoryTeller(most=1)
        for call_id in ("a", "b"):
            teller.tell(decision(1.0, Kind.REJECT, status=480, call_id=call_id))
            teller.settle(2.0)
        teller.tell(decision(3.0, Kind.REJECT, status=480, call_id="a"))
        assert teller.settle(4.0)[0] == "00:00:03.000Z INVITE, call a"

    def test_a_call_that_never_stops_loses_its_middle(self) -> None:
        teller = StoryTeller()
        for number in range(100):
            teller.tell(decision(float(number), Kind.BRANCH, f"number {number}"))
        lines = teller.close()
        assert len(lines) == 1 + 40 + 1 + 20
        assert lines[40].endswith("number 39")
        assert lines[41] == "  … 40 more …"
        assert lines[42].endswith("number 80")
        assert lines[-1].endswith("number 99")


class TestLive:
    def test_every_decision_is_a_line(self) -> None:
        teller = StoryTeller(live=True)
        lines = told(teller, failed_over())
        assert len(lines) == 4
        assert lines[0] == "00:01:40.000Z a84b4c76e667…  +0.000 request     from Bob"
        assert lines[2].endswith("430 Flow Failed - The flow is gone: try the next one.")
        assert lines[-1] == "00:01:41.250Z a84b4c76e667…  +1.250 answer      200 OK"
        assert teller.next_timer() is None


class TestEscaping:
    @pytest.mark.parametrize(
        ("raw", "shown"),
        [
            ("plain é 你好", "plain é 你好"),
            ("\x1b[2Jgone", "\\x1b[2Jgone"),
            ("a\r\nb\x00\x7f\x9b", "a\\x0d\\x0ab\\x00\\x7f\\x9b"),
            ("\u202egro.live", "\\u202egro.live"),
            (b"\xff\xfe".decode("utf-8", "surrogateescape"), "\\xff\\xfe"),
            ("\U000e0001", "\\U000e0001"),
            ("x" * 300, "x" * 200 + "…"),
        ],
    )
    def test_escape(self, raw: str, shown: str) -> None:
        assert escape(raw) == shown

    def test_nothing_from_the_wire_reaches_the_terminal_raw(self) -> None:
        evil = "\x1b]0;owned\x07\n"
        for live in (True, False):
            teller = StoryTeller(live=live)
            lines = told(
                teller,
                [
                    decision(
                        1.0,
                        Kind.REQUEST,
                        evil,
                        call_id=evil,
                        method=evil,
                        why=evil,
                        aor=evil,
                    )
                ],
            )
            for line in (*lines, *teller.close()):
                assert line.isprintable()


class TestPaint:
    def test_every_piece_passes_the_painter(self) -> None:
        teller = StoryTeller(paint=lambda tone, text: f"<{tone}>" if text.strip() else text)
        told(teller, [decision(1.0, Kind.REQUEST, "text", 430, flow=FLOW, why="why")])
        assert teller.close() == (
            "<title>",
            "  <time> <step> <text> <bad> <flow>",
            " " * 22 + "<why>",
        )

    @pytest.mark.parametrize(
        ("status", "tone"),
        [(180, Tone.PENDING), (200, Tone.GOOD), (302, Tone.PENDING), (503, Tone.BAD)],
    )
    def test_codes_by_class(self, status: int, tone: Tone) -> None:
        seen: list[Tone] = []

        def paint(tone: Tone, text: str) -> str:
            if text.startswith(str(status)):
                seen.append(tone)
            return text

        StoryTeller(live=True, paint=paint).tell(decision(1.0, Kind.ANSWER, status=status))
        assert seen == [tone]


class TestEvent:
    def test_says_all_it_knows(self) -> None:
        one = decision(
            1.25,
            Kind.FAILOVER,
            "trying reg-id 2",
            430,
            flow=FLOW,
            why="gone",
            aor=ALICE,
            effects=(Effect.NEXT_FLOW, Effect.FORWARD),
        )
        values = event(one)
        assert json.loads(json.dumps(values)) == {
            "at": 1.25,
            "kind": str(Kind.FAILOVER),
            "call_id": CALL,
            "method": "INVITE",
            "status": 430,
            "phrase": "Flow Failed",
            "flow": {
                "transport": "tcp",
                "local": "192.0.2.1:5060",
                "remote": "192.0.2.9:40112",
                "generation": 7,
            },
            "aor": ALICE,
            "text": "trying reg-id 2",
            "effects": [str(Effect.NEXT_FLOW), str(Effect.FORWARD)],
            "why": "gone",
        }

    def test_leaves_out_what_says_nothing(self) -> None:
        udp = Flow("udp", Address("::1", 5060), Address("::1", 5070))
        one = decision(1.0, Kind.DROPPED, "\x1b[m" + "x" * 500, call_id="", method="", flow=udp)
        assert event(one) == {
            "at": 1.0,
            "kind": str(Kind.DROPPED),
            "text": "\\x1b[m" + "x" * 500,
            "flow": {"transport": "udp", "local": "[::1]:5060", "remote": "[::1]:5070"},
        }
        assert event(decision(2.0, Kind.DROPPED, call_id="", method="")) == {
            "at": 2.0,
            "kind": str(Kind.DROPPED),
        }
