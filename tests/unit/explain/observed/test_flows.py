"""What is known of flows: their life, who registered over them, who is behind an address."""

from tests.unit.explain.observed import scenes
from tests.unit.explain.observed.support import Scene

from ringway.explain.observed.flows import Flows, History
from ringway.explain.observed.model import Hop
from ringway.explain.observed.registrations import Registration
from ringway.explain.observed.tracer import Tracer
from ringway.transport.flow import Address

ALICE = "sip:alice@example.com"


def seen(scene: Scene, limit: int = 10_000) -> Flows:
    tracer = Tracer(limit)
    for item in scene.items:
        tracer.feed(item)
    return tracer.flows


def only(scene: Scene) -> History:
    (history,) = seen(scene).all()
    return history


def hop(scene: Scene, source: str, target: str) -> Hop:
    return Hop(scene.transport, scene.place(source), scene.place(target))


class TestLife:
    def test_of_a_connection(self) -> None:
        scene = Scene("tcp")
        scene.opened("alice", "edge")
        scene.request("edge", "alice", "OPTIONS", "sip:alice")
        scene.closed("edge", "alice", "reset")
        history = only(scene)
        assert (history.client, history.server) == (scene.place("alice"), scene.place("edge"))
        assert history.opened is not None
        assert history.opened.frames == history.begun.frames == (1,)
        assert history.last_message is not None
        assert history.last_message.frames == history.last.frames == (2,)
        assert history.closed is not None
        assert (history.closed.frames, history.how) == ((3,), "reset")
        assert history.closed_by == scene.place("edge")
        assert history.messages == 1

    def test_a_later_connection_is_another_flow(self) -> None:
        scene = Scene("tcp")
        scene.opened("alice", "edge")
        scene.closed("alice", "edge")
        middle = scene.now
        scene.wait(5)
        scene.opened("alice", "edge")
        flows = seen(scene)
        old, new = flows.of(hop(scene, "edge", "alice"))
        assert flows.at(hop(scene, "alice", "edge"), middle) is old
        assert flows.at(hop(scene, "alice", "edge"), scene.now) is new
        assert (old.alive(middle), old.alive(scene.now), new.alive(middle)) == (True, False, False)

    def test_what_trails_the_end_belongs_to_the_old_flow(self) -> None:
        scene = Scene("tcp")
        scene.opened("alice", "edge")
        scene.closed("edge", "alice")
        scene.request("alice", "edge", "OPTIONS", "sip:edge")
        assert only(scene).messages == 1
        scene.wait(60)
        scene.request("alice", "edge", "OPTIONS", "sip:edge")
        assert len(seen(scene).all()) == 2

    def test_a_refused_connection_is_a_flow_that_ended(self) -> None:
        scene = Scene("tcp")
        scene.closed("edge", "alice", "refused")
        history = only(scene)
        assert (history.client, history.how) == (scene.place("alice"), "refused")

    def test_it_ends_once(self) -> None:
        scene = Scene("tcp")
        scene.opened("alice", "edge")
        scene.closed("alice", "edge")
        scene.closed("edge", "alice")
        flows = seen(scene)
        assert [each.closed_by for each in flows.take_closed()] == [scene.place("alice")]
        assert flows.take_closed() == []

    def test_a_flow_that_begins_before_the_capture_has_the_server_at_its_port(self) -> None:
        scene = Scene("tls", places={"alice": Address("192.0.2.1", 40000)})
        scene.place("edge", Address("192.0.2.2", 5061))
        scene.request("edge", "alice", "OPTIONS", "sip:alice")
        assert only(scene).client == scene.place("alice")

    def test_who_registers_is_the_client(self) -> None:
        scene = Scene()
        scene.request("edge-1", "alice", "OPTIONS", "sip:alice", call_id="other")
        scenes.register(scene, "edge-1", 1)
        history = seen(scene).of(hop(scene, "alice", "edge-1"))[0]
        assert history.client == scene.place("alice")

    def test_reports_that_nothing_arrives(self) -> None:
        scene = Scene()
        scene.request("edge", "alice", "OPTIONS", "sip:alice")
        scene.unreachable("edge", "alice")
        assert [each.reason for each in only(scene).unreachable] == ["port unreachable"]

    def test_trouble_is_about_no_flow(self) -> None:
        scene = Scene()
        scene.trouble("truncated")
        assert seen(scene).all() == []


class TestSignsOfLife:
    def test_pings_pongs_and_their_intervals(self) -> None:
        scene = Scene("tcp")
        scene.opened("alice", "edge")
        for _ in range(3):
            scene.wait(29.98)
            scene.keep_alive("alice", "edge")
            scene.keep_alive("edge", "alice", answer=True)
        history = only(scene)
        assert [round(each, 2) for each in history.intervals()] == [30.0, 30.0]
        assert [each.answer for each in history.beats] == [False, True] * 3
        assert history.last_from[scene.place("alice")].frames == (6,)

    def test_mapped_addresses_are_told_once_each(self) -> None:
        scene = Scene()
        one, two = Address("203.0.113.1", 1), Address("203.0.113.1", 2)
        for mapped in (one, one, two):
            scene.keep_alive("alice", "edge", "stun")
            scene.keep_alive("edge", "alice", "stun", answer=True, mapped=mapped)
        assert only(scene).mapped == [one, two]

    def test_only_the_latest_are_kept(self) -> None:
        scene = Scene("tcp")
        for number in range(1, 201):
            scene.keep_alive("alice", "edge", "stun", mapped=Address("203.0.113.1", number))
        history = only(scene)
        assert (len(history.beats), len(history.mapped)) == (64, 16)
        assert history.mapped[-1].port == 200


class TestRegistrations:
    def test_over_two_flows(self) -> None:
        scene = scenes.two_registrations()
        flows = seen(scene)
        first, second = flows.bindings(ALICE)
        assert (first.reg_id, second.reg_id) == (1, 2)
        assert first.instance == "<urn:uuid:00000000-0000-1000-8000-00000000000A>"
        assert (first.expires, first.outbound, first.direct) == (600, True, True)
        assert first.hop == hop(scene, "alice", "edge-1")
        (history,) = flows.of(hop(scene, "alice", "edge-2"))
        assert history.flow_timer == 90
        assert history.registrations == [second]

    def test_behind_the_edge_they_are_not_direct(self) -> None:
        scene = scenes.two_registrations()
        flows = seen(scene)
        (history,) = flows.of(hop(scene, "edge-1", "registrar"))
        assert [each.direct for each in history.registrations] == [False]
        assert flows.user(scene.place("edge-1")) == ""
        assert flows.user(scene.place("alice")) == ALICE

    def test_a_refresh_takes_the_place_of_what_it_refreshes(self) -> None:
        scene = scenes.registered_again()
        flows = seen(scene)
        (binding,) = flows.bindings(ALICE)
        assert binding.hop.source.port == 40001
        before = binding.at - 50
        (then,) = flows.bindings(ALICE, before)
        assert then.hop.source.port == 5060

    def test_expire(self) -> None:
        flows = seen(scenes.two_registrations())
        last = max(each.at for each in flows.bindings(ALICE))
        assert len(flows.bindings(ALICE, last)) == 2
        assert flows.bindings(ALICE, last + 600) == []

    def test_are_removed_by_one_contact(self) -> None:
        scene = Scene()
        self.register(scene, "<sip:alice@192.0.2.1>", 1)
        self.register(scene, "<sip:alice@192.0.2.1>;expires=0", 2)
        (binding,) = seen(scene).bindings(ALICE)
        assert binding.expires == 0

    def test_are_removed_all_at_once(self) -> None:
        """RFC 3261 §10.2.2."""
        scene = Scene()
        self.register(scene, "<sip:alice@192.0.2.1>", 1)
        self.register(scene, "<sip:alice@192.0.2.5>", 2)
        assert len(seen(scene).bindings(ALICE, scene.now)) == 2
        self.register(scene, "*", 3, ("Expires", "0"))
        assert seen(scene).bindings(ALICE, scene.now) == []

    def test_another_flow_with_the_same_contact_is_another_binding(self) -> None:
        """A phone has one Contact for all its flows, and removes one of them."""
        scene = Scene()
        phone = '<sip:alice@192.0.2.1>;+sip.instance="<urn:uuid:1>";reg-id='
        self.register(scene, f"{phone}2;expires=0", 1, granted=f"{phone}1;expires=3560")
        (binding,) = seen(scene).bindings(ALICE)
        assert (binding.reg_id, binding.expires) == (2, 0)

    def test_the_answer_decides_for_how_long(self) -> None:
        scene = Scene()
        self.register(
            scene,
            "<sip:alice@192.0.2.1>;expires=3600",
            1,
            granted="<sip:other@192.0.2.9>;expires=5, <sip:alice@192.0.2.1>;expires=60",
        )
        assert [each.expires for each in seen(scene).bindings(ALICE)] == [60]

    def test_without_an_expiry_it_is_an_hour(self) -> None:
        scene = Scene()
        self.register(scene, "<sip:alice@192.0.2.1>", 1)
        assert [each.expires for each in seen(scene).bindings(ALICE)] == [3600]

    def test_what_cannot_be_read_registers_nothing(self) -> None:
        scene = Scene()
        self.register(scene, "<<<", 1)
        assert seen(scene).bindings(ALICE) == []

    def test_an_answer_that_cannot_be_read_registers_nothing(self) -> None:
        scene = Scene()
        self.register(scene, "<sip:alice@192.0.2.1>", 1, granted="<<<")
        assert seen(scene).bindings(ALICE) == []

    def test_nor_does_one_without_its_request(self) -> None:
        scene = scenes.two_registrations()
        scene.items = [each for each in scene.items if b"REGISTER sip" not in each.data]  # type: ignore[union-attr]
        assert seen(scene).bindings(ALICE) == []

    def test_without_outbound_the_contact_is_the_key(self) -> None:
        scene = Scene()
        for number in (1, 2):
            self.register(scene, f"<sip:alice@192.0.2.{number}>", number)
        assert len(seen(scene).bindings(ALICE)) == 2

    def test_a_query_registers_nothing(self) -> None:
        scene = Scene()
        query = scene.request("alice", "edge", "REGISTER", "sip:example.com", callee=ALICE)
        scene.reply(query, 200, headers=(("Contact", "<sip:alice@192.0.2.1>;expires=60"),))
        assert seen(scene).bindings(ALICE) == []

    def register(
        self,
        scene: Scene,
        contact: str,
        cseq: int,
        more: tuple[str, str] = ("Supported", "path"),
        granted: str = "",
    ) -> None:
        request = scene.request(
            "alice",
            "edge",
            "REGISTER",
            "sip:example.com",
            callee=ALICE,
            cseq=cseq,
            headers=(("Contact", contact), more),
        )
        headers = (("Contact", granted),) if granted else ()
        scene.reply(request, 200, headers=headers)


class TestBounds:
    def test_the_flow_that_was_silent_the_longest_is_forgotten(self) -> None:
        scene = Scene()
        for name in ("a", "b", "a", "c"):
            scene.request(name, "edge", "OPTIONS", "sip:edge")
        flows = seen(scene, limit=2)
        assert [each.client for each in flows.all()] == [scene.place("a"), scene.place("c")]

    def test_users_are_bounded(self) -> None:
        scene = Scene()
        for number in range(4):
            user = f"sip:u{number}@example.com"
            request = scene.request(
                f"p{number}",
                "edge",
                "REGISTER",
                "sip:example.com",
                callee=user,
                headers=(("Contact", f"<sip:u@192.0.2.{number}>"),),
            )
            scene.reply(request, 200)
        flows = seen(scene, limit=2)
        known: list[Registration] = [
            each for number in range(4) for each in flows.bindings(f"sip:u{number}@example.com")
        ]
        assert [each.aor for each in known] == ["sip:u2@example.com", "sip:u3@example.com"]
        assert [bool(flows.user(scene.place(f"p{number}"))) for number in range(4)] == [
            False,
            False,
            True,
            True,
        ]

    def test_connections_between_the_same_addresses_are_bounded(self) -> None:
        scene = Scene("tcp")
        for _ in range(20):
            scene.opened("alice", "edge")
            scene.closed("alice", "edge")
        assert len(seen(scene).all()) == 16
