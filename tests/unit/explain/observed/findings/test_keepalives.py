"""Keep-alives that come too seldom, that nobody answers, that a NAT did not wait for."""

from __future__ import annotations

import pytest
from tests.unit.explain.observed.findings.looking import healthy, hides, later, register, shows
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

    def test_nobody_asked(self) -> None:
        scene = connected()
        ping(scene, 110)
        ping(scene, 900)
        hides(scene, "keep-alive-too-slow")


class TestMissing:
    def others(self, scene: Scene) -> None:
        """Others keep their flows alive, so the capture would show it."""
        scene.keep_alive("else", "edge")
        later(scene, 300)

    def test_shown(self) -> None:
        scene = connected(120)
        self.others(scene)
        shows(scene, "keep-alive-missing")

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
        hides(scene, "keep-alive-missing")


class TestUnanswered:
    def test_shown(self) -> None:
        scene = connected()
        ping(scene, 100)
        for _ in range(3):
            ping(scene, 100, pong=False)
        found = shows(scene, "keep-alive-unanswered")
        assert found.facts["times"] == "3"

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
        hides(scene, "keep-alive-unanswered")


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
