"""Keep-alives that come too seldom, that nobody answers, that a NAT did not wait for."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import (
    healthy,
    hides,
    later,
    nearly,
    register,
    shows,
)
from tests.unit.explain.observed.support import Scene

from ringway.transport.flow import Address


def connected(timer: int = 0) -> Scene:
    scene = Scene(transport="tcp")
    scene.opened("phone", "edge")
    answer = (("Flow-Timer", str(timer)),) if timer else ()
    register(scene, "phone", reg_id=1, answer=answer)
    return scene


def ping(scene: Scene, after: float, *, pong: bool = True) -> None:
    scene.wait(after)
    scene.keep_alive("phone", "edge")
    if pong:
        scene.keep_alive("edge", "phone", answer=True)


class TestTooSlow:
    def test_shown(self) -> None:
        scene = connected(120)
        ping(scene, 110)
        ping(scene, 150)
        found = shows(scene, "keep-alive-too-slow")
        assert (found.facts["interval"], found.facts["timer"]) == ("150", "120")
        assert found.facts["agent"] == "sip:bob@example.com"

    def test_often_enough(self) -> None:
        scene = connected(120)
        for _ in range(5):
            ping(scene, 119)
        healthy(scene)
        nearly(scene, "keep-alive-too-slow")

    def test_nobody_asked(self) -> None:
        scene = connected()
        ping(scene, 110)
        ping(scene, 900)
        hides(scene, "keep-alive-too-slow")

    @pytest.mark.parametrize(("after", "found"), [(125, False), (127, True)])
    def test_a_little_late(self, after: float, *, found: bool) -> None:
        scene = connected(120)
        ping(scene, 110)
        ping(scene, after - 0.01)
        (shows if found else hides)(scene, "keep-alive-too-slow")

    def test_what_proves_it(self) -> None:
        scene = connected(120)
        ping(scene, 110)
        ping(scene, 150)
        ping(scene, 110)
        ping(scene, 160)
        assert shows(scene, "keep-alive-too-slow").frames == (2, 3, 4, 6)

    def test_what_the_server_sends_is_no_ping_of_the_phone(self) -> None:
        """Its pongs, and pings of its own, do not keep the flow alive."""
        scene = connected(120)
        ping(scene, 110)
        scene.wait(75)
        scene.keep_alive("edge", "phone")
        scene.keep_alive("phone", "edge", answer=True)
        ping(scene, 75)
        shows(scene, "keep-alive-too-slow")

    def test_a_hop_further_on(self) -> None:
        """The 200 passes there with its Flow-Timer, which is not for this hop."""
        scene = Scene("tcp")
        request, _ = register(scene, "phone", reg_id=1)
        scene.items.clear()
        onward = scene.forward(request, "registrar")
        contact = request.message.get("contact") if request.message else ""
        granted = (("Contact", contact or ""), ("Require", "outbound"), ("Flow-Timer", "120"))
        scene.reply(onward, 200, headers=granted)
        for _ in range(2):
            scene.wait(300)
            scene.keep_alive("edge", "registrar")
        later(scene, 300)
        hides(scene, "keep-alive-too-slow")
        scene.items = [each for each in scene.items if not hasattr(each, "kind")]
        scene.keep_alive("else", "edge")
        later(scene, 300)
        hides(scene, "keep-alive-missing")


class TestMissing:
    def test_shown(self) -> None:
        scene = connected(120)
        self.others(scene)
        shows(scene, "keep-alive-missing")

    @pytest.mark.parametrize(("after", "found"), [(154, False), (159, True)])
    def test_when_it_is_told(self, after: float, *, found: bool) -> None:
        scene = connected(120)
        scene.keep_alive("else", "edge")
        later(scene, after)
        (shows if found else hides)(scene, "keep-alive-missing")

    @pytest.mark.parametrize(("after", "found"), [(100, False), (200, True)])
    def test_until_the_flow_was_closed(self, after: float, *, found: bool) -> None:
        scene = connected(120)
        scene.keep_alive("else", "edge")
        scene.wait(after)
        scene.closed("phone", "edge")
        later(scene, 300)
        (shows if found else hides)(scene, "keep-alive-missing")

    @pytest.mark.parametrize(("every", "found"), [(100, False), (200, True)])
    def test_a_refresh_is_no_keep_alive_when_it_comes_late(
        self, every: float, *, found: bool
    ) -> None:
        scene = connected(120)
        scene.keep_alive("else", "edge")
        for _ in range(3):
            scene.wait(every)
            register(scene, "phone", reg_id=1, answer=(("Flow-Timer", "120"),))
        (shows if found else hides)(scene, "keep-alive-missing")

    def test_a_phone_without_outbound(self) -> None:
        """Flow-Timer is for outbound."""
        scene = Scene("tcp")
        register(scene, "phone", answer=(("Flow-Timer", "120"),))
        self.others(scene)
        hides(scene, "keep-alive-missing")

    def test_a_phone_that_has_gone(self) -> None:
        scene = Scene("tcp")
        register(scene, "phone", reg_id=1, answer=(("Flow-Timer", "120"),), expires=0)
        self.others(scene)
        hides(scene, "keep-alive-missing")

    @pytest.mark.parametrize("transport", ["tls", "wss"])
    def test_what_is_encrypted_comes_from_a_log(self, transport: str) -> None:
        scene = Scene(transport)
        register(scene, "phone", reg_id=1, answer=(("Flow-Timer", "120"),))
        self.others(scene)
        hides(scene, "keep-alive-missing")

    @pytest.mark.parametrize("pinged", [True, False])
    def test_a_websocket_that_the_server_keeps_alive(self, *, pinged: bool) -> None:
        scene = Scene("ws")
        register(scene, "phone", reg_id=1, answer=(("Flow-Timer", "120"),))
        if pinged:
            scene.wait(60)
            scene.keep_alive("edge", "phone", "websocket")
        self.others(scene)
        (hides if pinged else shows)(scene, "keep-alive-missing")

    def test_only_the_server_pings(self) -> None:
        scene = connected(120)
        scene.wait(60)
        scene.keep_alive("edge", "phone")
        self.others(scene)
        shows(scene, "keep-alive-missing")

    def others(self, scene: Scene) -> None:
        """Others keep their flows alive, so the capture would show it."""
        scene.keep_alive("else", "edge")
        later(scene, 300)

    def test_a_log_of_messages_has_none(self) -> None:
        scene = connected(120)
        later(scene, 300)
        hides(scene, "keep-alive-missing")

    def test_too_early_to_tell(self) -> None:
        scene = connected(600)
        self.others(scene)
        hides(scene, "keep-alive-missing")

    def test_there_are_some(self) -> None:
        scene = connected(120)
        ping(scene, 110)
        self.others(scene)
        nearly(scene, "keep-alive-missing")


class TestUnanswered:
    def test_shown(self) -> None:
        scene = connected()
        ping(scene, 100)
        for _ in range(3):
            ping(scene, 100, pong=False)
        found = shows(scene, "keep-alive-unanswered")
        assert found.facts["times"] == "3"

    @pytest.mark.parametrize(("after", "found"), [(9.9, False), (10.2, True)])
    def test_how_long_it_goes_on(self, after: float, *, found: bool) -> None:
        scene = connected()
        ping(scene, 100)
        ping(scene, 100, pong=False)
        for _ in range(2):
            ping(scene, after, pong=False)
        (shows if found else hides)(scene, "keep-alive-unanswered")

    def test_two_are_too_few(self) -> None:
        scene = connected()
        ping(scene, 100)
        for _ in range(2):
            ping(scene, 100, pong=False)
        hides(scene, "keep-alive-unanswered")

    def test_what_proves_it(self) -> None:
        scene = connected()
        ping(scene, 100)
        for _ in range(3):
            ping(scene, 100, pong=False)
        found = shows(scene, "keep-alive-unanswered")
        assert (found.frames, found.facts["seconds"]) == ((5, 6, 7, 8), "200")

    def test_the_server_is_silent_but_never_answered_a_ping(self) -> None:
        """It has sent a message, no pong, and pings of its own."""
        scene = connected()
        scene.keep_alive("edge", "phone")
        scene.keep_alive("phone", "edge", answer=True)
        for _ in range(4):
            ping(scene, 100, pong=False)
        hides(scene, "keep-alive-unanswered")

    def test_the_phone_gave_up(self) -> None:
        scene = connected()
        ping(scene, 100)
        ping(scene, 100, pong=False)
        scene.wait(10)
        scene.closed("phone", "edge")
        scene.opened("phone-new", "edge")
        register(scene, "phone-new", reg_id=1, cseq=2)
        later(scene, 100)
        healthy(scene)

    def test_a_server_that_never_answers_pings(self) -> None:
        scene = connected()
        for _ in range(5):
            ping(scene, 100, pong=False)
        hides(scene, "keep-alive-unanswered")

    def test_other_traffic_is_a_sign_of_life(self) -> None:
        scene = connected()
        ping(scene, 100)
        for _ in range(3):
            ping(scene, 100, pong=False)
        scene.reply(scene.request("edge", "phone", "OPTIONS", "sip:bob@x"), 200)
        nearly(scene, "keep-alive-unanswered")


class TestMoved:
    def stun(self, scene: Scene, port: int) -> None:
        scene.wait(40)
        scene.keep_alive("phone", "edge", "stun")
        mapped = Address("192.0.2.99", port)
        scene.keep_alive("edge", "phone", "stun", answer=True, mapped=mapped)

    @pytest.mark.parametrize(("ports", "found"), [((1, 1, 2), True), ((1, 1, 1), False)])
    def test_stun(self, ports: tuple[int, ...], *, found: bool) -> None:
        scene = Scene()
        for port in ports:
            self.stun(scene, port)
        (shows if found else hides)(scene, "nat-mapping-lost")

    def moved(
        self,
        quiet: float,
        *,
        via: str = "10.0.0.5:5060",
        old_via: str = "10.0.0.5:5060",
        new: str = "192.0.2.9",
        transport: str = "udp",
    ) -> Scene:
        places = {"old": Address("192.0.2.9", 40000), "new": Address(new, 50000)}
        scene = Scene(transport, places=places)
        register(scene, "old", call_id="r", via=old_via)
        scene.wait(quiet)
        register(scene, "new", call_id="r", cseq=2, via=via)
        return scene

    def test_what_proves_it(self) -> None:
        scene = Scene()
        for port in (1, 1, 2, 3):
            self.stun(scene, port)
        found = shows(scene, "nat-mapping-lost")
        assert (found.frames, found.facts["quiet"]) == ((4, 6), "40")
        assert found.facts["agent"] == str(scene.place("phone"))

    @pytest.mark.parametrize(("quiet", "found"), [(24.5, False), (25.5, True)])
    def test_how_long_it_was_quiet(self, quiet: float, *, found: bool) -> None:
        (shows if found else hides)(self.moved(quiet), "nat-mapping-lost")

    def test_it_was_not_quiet(self) -> None:
        """The registrations are far apart, but the old flow was in use until the end."""
        places = {"old": Address("192.0.2.9", 40000), "new": Address("192.0.2.9", 50000)}
        scene = Scene("udp", places=places)
        register(scene, "old", call_id="r", via="10.0.0.5:5060")
        scene.wait(600)
        scene.keep_alive("old", "edge")
        register(scene, "new", call_id="r", cseq=2, via="10.0.0.5:5060")
        nearly(scene, "nat-mapping-lost")

    def test_another_registration(self) -> None:
        """Another phone behind the same NAT: only the Call-ID tells."""
        places = {"old": Address("192.0.2.9", 40000), "new": Address("192.0.2.9", 50000)}
        scene = Scene("udp", places=places)
        register(scene, "old", call_id="r", via="10.0.0.5:5060")
        scene.wait(600)
        register(scene, "new", call_id="s", cseq=2, via="10.0.0.5:5060")
        hides(scene, "nat-mapping-lost")

    def test_two_phones_in_turn(self) -> None:
        """Others register in between, and the NAT forgot one of them."""
        ports = {"old": 40000, "new": 50000, "other": 41000}
        scene = Scene("udp", places={k: Address("192.0.2.9", v) for k, v in ports.items()})
        register(scene, "old", call_id="r", via="10.0.0.5:5060")
        register(scene, "other", call_id="s", via="10.0.0.6:5060")
        scene.wait(600)
        register(scene, "other", call_id="s", cseq=2, via="10.0.0.6:5060")
        register(scene, "new", call_id="r", cseq=2, via="10.0.0.5:5060")
        shows(scene, "nat-mapping-lost")

    @pytest.mark.parametrize(
        ("host", "port", "found"),
        [("192.0.2.9", 50000, True), ("192.0.2.9", 40000, False), ("192.0.2.8", 50000, False)],
    )
    def test_where_it_comes_from_now(self, host: str, port: int, *, found: bool) -> None:
        scene = Scene("udp", places={"old": Address("192.0.2.9", 40000)})
        register(scene, "old", reg_id=1, call_id="r", via="10.0.0.5:5060")
        scene.wait(600)
        scene.places["new"] = Address(host, port)
        register(scene, "new", reg_id=1, call_id="r", cseq=2, via="10.0.0.5:5060")
        (shows if found else hides)(scene, "nat-mapping-lost")

    def test_another_server(self) -> None:
        places = {"old": Address("192.0.2.9", 40000), "new": Address("192.0.2.9", 50000)}
        scene = Scene("udp", places=places)
        register(scene, "old", call_id="r", via="10.0.0.5:5060")
        scene.wait(600)
        register(scene, "new", "edge-2", call_id="r", cseq=2, via="10.0.0.5:5060")
        hides(scene, "nat-mapping-lost")

    def test_another_port_of_the_nat(self) -> None:
        scene = self.moved(600)
        found = shows(scene, "nat-mapping-lost")
        assert (found.facts["old"], found.facts["new"]) == ("192.0.2.9:40000", "192.0.2.9:50000")
        assert found.frames == (1, 2, 3, 4)

    def test_the_phone_itself_changed_its_port(self) -> None:
        hides(self.moved(600, via="10.0.0.5:6060"), "nat-mapping-lost")

    def test_a_new_connection_has_a_new_port(self) -> None:
        scene = self.moved(600, transport="tcp")
        hides(scene, "nat-mapping-lost")

    def test_the_phone_moved_to_another_network(self) -> None:
        hides(self.moved(600, new="192.0.2.10"), "nat-mapping-lost")

    def test_no_nat_stands_between(self) -> None:
        scene = self.moved(600, old_via="192.0.2.9:5060", via="192.0.2.9:5060")
        hides(scene, "nat-mapping-lost")

    def test_at_once(self) -> None:
        hides(self.moved(5), "nat-mapping-lost")
