"""The ladder: columns, arrows, and how they become lines of text."""

from __future__ import annotations

from tests.unit.explain.observed import scenes
from tests.unit.explain.observed.support import Scene

from ringway.explain.observed.ladder import draw, ladder_of
from ringway.explain.observed.model import Conversation, Copy, Exchange, Hop, Kind, Sight
from ringway.explain.observed.tracer import Tracer
from ringway.explain.text import Tone
from ringway.message import Request, Response, build_request, build_response
from ringway.transport.flow import Address

ALICE, PROXY, BOB = (Address(f"192.0.2.{n}", 5060) for n in (1, 2, 3))
INVITE = build_request(
    "INVITE",
    "sip:bob@example.com",
    from_="<sip:alice@example.com>;tag=1",
    to="<sip:bob@example.com>",
    call_id="call",
    cseq=1,
    headers=[("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")],
    body=b"v=0",
    content_type="application/sdp",
)


def sight(
    message: Request | Response, source: Address, target: Address, at: float, copies: int = 1
) -> Sight:
    seen = [Copy(at + number, (int(at * 10) + number,)) for number in range(copies)]
    return Sight(message, Hop("udp", source, target), seen, message.to_bytes())


def call(*exchanges: Exchange) -> Conversation:
    return Conversation("call", Kind.CALL, list(exchanges))


def through_a_proxy() -> Conversation:
    near, far = Hop("udp", ALICE, PROXY), Hop("udp", PROXY, BOB)
    return call(
        Exchange(
            "INVITE",
            1,
            "a",
            near,
            sight(INVITE, ALICE, PROXY, 10.0, copies=3),
            [
                sight(build_response(INVITE, 100), PROXY, ALICE, 10.1),
                sight(build_response(INVITE, 486), PROXY, ALICE, 10.5),
            ],
        ),
        Exchange(
            "INVITE",
            1,
            "b",
            far,
            sight(INVITE, PROXY, BOB, 10.2),
            [sight(build_response(INVITE, 486), BOB, PROXY, 10.4)],
        ),
    )


def conversation(scene: Scene) -> Conversation:
    tracer = Tracer()
    for item in scene.items:
        tracer.feed(item)
    return tracer.close()[0]


class TestLadder:
    def test_columns_come_as_they_take_part(self) -> None:
        assert ladder_of(through_a_proxy()).places == ("192.0.2.1", "192.0.2.2", "192.0.2.3")

    def test_rungs_are_in_the_order_of_time(self) -> None:
        rungs = ladder_of(through_a_proxy()).rungs
        assert [(rung.source, rung.target, rung.label) for rung in rungs] == [
            (0, 1, "INVITE (SDP)"),
            (1, 0, "100 Trying"),
            (1, 2, "INVITE (SDP)"),
            (2, 1, "486 Busy Here"),
            (1, 0, "486 Busy Here"),
        ]
        assert [rung.repeats for rung in rungs] == [2, 0, 0, 0, 0]

    def test_who_is_called_comes_last(self) -> None:
        """The flow over the first edge is gone; the second edge leads to bob."""
        registrar, first, second = "198.51.100.2", "198.51.100.11", "198.51.100.12"
        expected = ("192.0.2.1", "198.51.100.1", first, second, "192.0.2.20")
        assert ladder_of(conversation(scenes.flow_failed())).places == expected
        assert ladder_of(conversation(scenes.silent_flow())).places[-1] == "192.0.2.20"
        assert ladder_of(conversation(scenes.two_registrations())).places[-1] == registrar

    def test_programs_on_one_host_are_places_if_they_talk(self) -> None:
        places = {
            "alice": Address("192.0.2.1", 5060),
            "edge": Address("192.0.2.9", 5060),
            "registrar": Address("192.0.2.9", 5070),
            "bob": Address("192.0.2.2", 40000),
        }
        scene = Scene(places=places)
        invite = scene.request("alice", "edge", "INVITE", "sip:bob@example.com")
        onward = scene.forward(invite, "registrar")
        scene.reply(scene.forward(onward, "bob"), 486)
        assert ladder_of(conversation(scene)).places == (
            "192.0.2.1",
            "192.0.2.9:5060",
            "192.0.2.9:5070",
            "192.0.2.2",
        )

    def test_within_one_host_ports_are_places(self) -> None:
        here, there = Address("127.0.0.1", 5060), Address("127.0.0.1", 5070)
        hop = Hop("udp", here, there)
        ladder = ladder_of(call(Exchange("INVITE", 1, "a", hop, sight(INVITE, here, there, 1.0))))
        assert ladder.places == ("127.0.0.1:5060", "127.0.0.1:5070")

    def test_too_many_places_share_the_last_column(self) -> None:
        scene = Scene()
        for number in range(200):
            scene.request("proxy", f"phone{number}", "INVITE", "sip:bob@example.com")
        ladder = ladder_of(conversation(scene))
        assert len(ladder.places) == 50
        assert ladder.places[-1] == "…"
        assert {each.target for each in ladder.rungs} == set(range(1, 50))


class TestDraw:
    def test_as_text(self) -> None:
        assert draw(ladder_of(through_a_proxy()), 60) == [
            "          192.0.2.1                                   192.0.2.3",
            "          │                   192.0.2.2                   │",
            "   0.000  │── INVITE (SDP) x3 ───>│                       │  100",
            "   0.100  │<───── 100 Trying ─────│                       │  101",
            "   0.200  │                       │──── INVITE (SDP) ────>│  102",
            "   0.400  │                       │<─── 486 Busy Here ────│  104",
            "   0.500  │<─── 486 Busy Here ────│                       │  105",
        ]

    def test_a_long_label_is_cut(self) -> None:
        lines = draw(ladder_of(through_a_proxy()), 30)
        assert "│ INVITE (… ─>│" in lines[2].replace("──", "─")
        assert len({len(line.rsplit("  ", 1)[0]) for line in lines[2:]}) == 1

    def test_to_oneself(self) -> None:
        hop = Hop("udp", ALICE, ALICE)
        lines = draw(
            ladder_of(call(Exchange("INVITE", 1, "a", hop, sight(INVITE, ALICE, ALICE, 1))))
        )
        assert "⟲ INVITE" in lines[-1]

    def test_names_of_places(self) -> None:
        lines = draw(ladder_of(through_a_proxy()), names={"192.0.2.1": "alice\x1b[2J"})
        assert "alice\\x1b[2J" in lines[0]

    def test_colours_say_what_came_of_it(self) -> None:
        tones: list[Tone] = []

        def paint(tone: Tone, text: str) -> str:
            tones.append(tone)
            return text

        draw(ladder_of(through_a_proxy()), paint=paint)
        assert [tone for tone in tones if tone in {Tone.STEP, Tone.PENDING, Tone.BAD}] == [
            Tone.STEP,
            Tone.PENDING,
            Tone.STEP,
            Tone.BAD,
            Tone.BAD,
        ]

    def test_nothing(self) -> None:
        assert draw(ladder_of(call())) == []
