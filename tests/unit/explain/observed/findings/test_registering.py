"""Agents that register too often, or not again after their flow was lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.unit.explain.observed.findings.looking import (
    INSTANCE,
    PHONE,
    healthy,
    hides,
    later,
    nearly,
    register,
    shows,
)
from tests.unit.explain.observed.support import Headers, Scene

from ringway.capture.items import Seen
from ringway.explain.observed.findings import registering
from ringway.transport.flow import Address


class TestNotAgain:
    def lost(self, *, transport: str = "tcp", reg_id: int = 1, contact: str = PHONE) -> Scene:
        scene = Scene(transport=transport)
        scene.opened("phone", "edge")
        register(scene, "phone", reg_id=reg_id, contact=contact)
        scene.wait(60)
        scene.closed("edge", "phone", "reset")
        return scene

    def test_shown(self) -> None:
        scene = self.lost()
        later(scene, 120)
        found = shows(scene, "not-reregistered")
        assert found.frames == (2, 3, 4)
        assert found.facts["by"] == str(scene.place("edge"))

    @pytest.mark.parametrize("transport", ["ws", "wss"])
    def test_a_browser(self, transport: str) -> None:
        scene = self.lost(transport=transport, reg_id=0)
        later(scene, 120)
        shows(scene, "not-reregistered")

    def test_it_came_again(self) -> None:
        scene = self.lost()
        scene.wait(2)
        scene.opened("phone-new", "edge")
        register(scene, "phone-new", reg_id=1, cseq=2)
        later(scene, 120)
        healthy(scene)
        nearly(scene, "not-reregistered")

    def test_it_tried_in_vain(self) -> None:
        scene = self.lost()
        scene.wait(2)
        register(scene, "phone-new", reg_id=1, cseq=2, status=500)
        later(scene, 120)
        hides(scene, "not-reregistered")

    def test_the_other_flow_is_none_of_it(self) -> None:
        scene = self.lost()
        scene.wait(2)
        register(scene, "phone-two", "edge-2", reg_id=2, call_id="other")
        later(scene, 120)
        shows(scene, "not-reregistered")

    def test_too_early_to_tell(self) -> None:
        scene = self.lost()
        later(scene, 20)
        healthy(scene)

    def test_what_is_forgotten_is_not_judged(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(registering, "_AGENTS", 1)
        scene = self.lost()
        scene.wait(2)
        register(scene, "phone-new", reg_id=1, cseq=2, status=500)
        scene.wait(100)
        for number in range(3):
            register(scene, f"else-{number}", call_id=f"else-{number}")
        later(scene, 120)
        hides(scene, "not-reregistered")

    def test_it_had_taken_its_leave(self) -> None:
        scene = Scene(transport="tcp")
        scene.opened("phone", "edge")
        register(scene, "phone", reg_id=1)
        register(scene, "phone", reg_id=1, expires=0, cseq=2)
        scene.closed("phone", "edge")
        later(scene, 120)
        healthy(scene)

    def test_a_phone_that_listens_needs_no_flow(self) -> None:
        scene = self.lost(reg_id=0, contact="sip:bob@192.0.2.50:5060")
        later(scene, 120)
        healthy(scene)

    def test_a_phone_whose_contact_was_its_connection(self) -> None:
        scene = self.lost(reg_id=0, contact="sip:bob@192.0.2.1:5060;transport=tcp")
        later(scene, 120)
        shows(scene, "not-reregistered")

    @pytest.mark.parametrize(("after", "found"), [(64, False), (66, True)])
    def test_how_long_nothing_is_seen(self, after: float, *, found: bool) -> None:
        scene = self.lost()
        scene.now -= 0.02
        later(scene, after)
        (shows if found else hides)(scene, "not-reregistered")

    @pytest.mark.parametrize("how", ["reset", "closed"])
    def test_the_server_closed_it(self, how: str) -> None:
        scene = Scene(transport="tcp")
        scene.opened("phone", "edge")
        register(scene, "phone", reg_id=1)
        scene.closed("edge", "phone", how)
        later(scene, 120)
        found = shows(scene, "not-reregistered")
        assert (found.facts["expires"], found.facts["seconds"]) == ("3600", "120")

    @pytest.mark.parametrize(("how", "found"), [("reset", True), ("closed", False)])
    def test_the_phone_closed_it(self, how: str, *, found: bool) -> None:
        """Who closes it himself takes his leave, as a browser does; a reset is none."""
        scene = Scene(transport="tcp")
        scene.opened("phone", "edge")
        register(scene, "phone", reg_id=1)
        scene.closed("phone", "edge", how)
        later(scene, 120)
        (shows if found else hides)(scene, "not-reregistered")

    def test_it_had_come_over_another_flow_before(self) -> None:
        """A refresh over a new flow, then the old one is closed: the binding has moved."""
        scene = Scene(transport="tcp")
        scene.opened("phone", "edge")
        register(scene, "phone", reg_id=1)
        scene.wait(30)
        register(scene, "phone-new", reg_id=1, cseq=2)
        scene.closed("edge", "phone", "reset")
        later(scene, 120)
        hides(scene, "not-reregistered")

    def test_the_registration_had_expired(self) -> None:
        scene = Scene(transport="tcp")
        scene.opened("phone", "edge")
        register(scene, "phone", reg_id=1, expires=60)
        scene.wait(61)
        scene.closed("edge", "phone", "reset")
        later(scene, 120)
        hides(scene, "not-reregistered")

    def test_a_proxys_connection_is_not_the_phones(self) -> None:
        """Between proxies the flow is no phone's own."""
        scene = Scene(transport="tcp")
        request, _ = register(scene, "phone", reg_id=1)
        onward = scene.forward(request, "registrar")
        contact = request.message.get("contact") if request.message else ""
        scene.reply(onward, 200, headers=(("Contact", contact or ""), ("Require", "outbound")))
        scene.closed("registrar", "edge", "reset")
        later(scene, 120)
        hides(scene, "not-reregistered")

    def test_it_was_seen_at_the_registrar_only(self) -> None:
        """The phone came again over an edge whose own hop was not captured."""
        scene = self.lost()
        scene.wait(2)
        request, _ = register(scene, "phone-new", "edge-2", reg_id=1, cseq=2, call_id="new")
        onward = scene.forward(request, "registrar")
        contact = request.message.get("contact") if request.message else ""
        scene.reply(onward, 200, headers=(("Contact", contact or ""), ("Require", "outbound")))
        del scene.items[-4:-2]
        later(scene, 120)
        hides(scene, "not-reregistered")

    def test_the_other_flow_came_again_at_the_registrar(self) -> None:
        scene = self.lost()
        scene.wait(2)
        request, _ = register(scene, "phone-new", "edge-2", reg_id=2, cseq=2, call_id="new")
        onward = scene.forward(request, "registrar")
        contact = request.message.get("contact") if request.message else ""
        scene.reply(onward, 200, headers=(("Contact", contact or ""), ("Require", "outbound")))
        del scene.items[-4:-2]
        later(scene, 120)
        shows(scene, "not-reregistered")

    def test_another_phone_of_the_user_came(self) -> None:
        scene = self.lost()
        scene.wait(2)
        binding = '<sip:bob@x>;reg-id=1;+sip.instance="<urn:uuid:2>";expires=600'
        sent = scene.request(
            "desk",
            "edge",
            "REGISTER",
            "sip:example.com",
            callee="sip:bob@example.com",
            call_id="desk",
            headers=(("Contact", binding),),
        )
        scene.reply(sent, 200, headers=(("Contact", binding), ("Require", "outbound")))
        later(scene, 120)
        shows(scene, "not-reregistered")

    @pytest.mark.parametrize(
        ("contact", "source", "found"),
        [
            ("sip:bob@10.0.0.5:5060;transport=tcp", "192.0.2.9", True),
            ("sip:bob@10.0.0.5:5060;transport=tcp", "10.0.0.5", False),
            ("sip:bob@10.0.0.5;transport=tcp", "192.0.2.9", True),
            ("sip:bob@192.0.2.9:5060;transport=tcp", "192.0.2.9", False),
            ("sip:bob@192.0.2.9:40000;transport=tcp", "192.0.2.9", True),
        ],
    )
    def test_who_is_reached_over_its_flow_only(
        self, contact: str, source: str, *, found: bool
    ) -> None:
        scene = Scene("tcp", places={"phone": Address(source, 40000)})
        scene.opened("phone", "edge")
        register(scene, "phone", contact=contact)
        scene.closed("edge", "phone", "reset")
        later(scene, 120)
        (shows if found else hides)(scene, "not-reregistered")


class TestStorm:
    def test_shown(self) -> None:
        scene = self.storm(8, 1)
        found = shows(scene, "registration-storm")
        assert len(found.frames) == 16
        assert found.facts["times"] == "8"
        assert found.status == 500

    @pytest.mark.parametrize(("apart", "found"), [(11.5, True), (12.5, False)])
    def test_six_within_a_minute(self, apart: float, *, found: bool) -> None:
        scene = self.storm(6, apart)
        (shows if found else hides)(scene, "registration-storm")

    def test_what_proves_it(self) -> None:
        """Those of the first minute."""
        scene = self.storm(9, 10)
        found = shows(scene, "registration-storm")
        assert found.frames == tuple(range(1, 13))
        assert (found.facts["times"], found.facts["seconds"]) == ("6", "50")
        assert found.facts["source"] == str(scene.place("phone"))

    @pytest.mark.parametrize(("expires", "found"), [(60, False), (61, True)])
    def test_which_expiry_is_short(self, expires: int, *, found: bool) -> None:
        scene = self.storm(8, 1, 200, expires=expires)
        (shows if found else hides)(scene, "registration-storm")

    @pytest.mark.parametrize("status", [300, 403, 423, 503])
    def test_a_short_expiry_does_not_explain_failures(self, status: int) -> None:
        shows(self.storm(8, 1, status, expires=10), "registration-storm")

    def test_nobody_answers(self) -> None:
        """As often as a short expiry would want it, and it asks for an hour."""
        for expires, check in ((3600, shows), (30, hides)):
            scene = self.storm(8, 1, expires=expires)
            scene.items = scene.items[::2]
            check(scene, "registration-storm")

    def test_where_the_expiry_stands(self) -> None:
        for headers, granted, check in (
            ((("Contact", f"<{PHONE}>"), ("Expires", "30")), (), hides),
            ((("Contact", f"<{PHONE}>"), ("Expires", "x")), (), shows),
            ((("Contact", f"<{PHONE}>"),), (), shows),
            ((("Contact", f"<{PHONE}>"),), (("Contact", f"<{PHONE}>;expires=30"),), hides),
            (
                (("Contact", f"<{PHONE}>;expires=30"),),
                (("Contact", f"<sip:bob@192.0.2.99>;expires=3600, <{PHONE}>;expires=30"),),
                hides,
            ),
        ):
            scene = Scene()
            for number in range(8):
                sent = self.sent(scene, number + 1, headers)
                scene.reply(sent, 200, headers=granted or headers[:1])
                scene.wait(2)
            check(scene, "registration-storm")

    def sent(self, scene: Scene, number: int, headers: Headers, call_id: str = "one") -> Seen:
        return scene.request(
            "phone",
            "edge",
            "REGISTER",
            "sip:example.com",
            callee="sip:bob@example.com",
            cseq=number,
            call_id=call_id,
            headers=headers,
        )

    def test_a_query_registers_nothing(self) -> None:
        scene = Scene()
        for number in range(8):
            scene.reply(self.sent(scene, number + 1, ()), 200)
        hides(scene, "registration-storm")

    @pytest.mark.parametrize(
        ("call_ids", "ports", "found"),
        [(1, 8, True), (8, 1, True), (8, 8, False), (2, 8, False), (8, 2, False)],
    )
    def test_one_phone_without_an_instance(self, call_ids: int, ports: int, *, found: bool) -> None:
        """The Call-ID or the Contact tells that it is one: several may be behind one NAT."""
        scene = Scene()
        for number in range(8):
            contact = f"<sip:bob@192.0.2.1:{5060 + number % ports}>"
            sent = self.sent(
                scene, number + 1, (("Contact", contact),), f"call-{number % call_ids}"
            )
            scene.reply(sent, 500)
        (shows if found else hides)(scene, "registration-storm")

    def test_another_reg_id_is_another_flow(self) -> None:
        scene = Scene()
        for number in range(8):
            register(scene, "phone", reg_id=number % 2 + 1, status=500, cseq=number + 1)
        hides(scene, "registration-storm")

    def test_within_a_nat_and_outside(self) -> None:
        """Each REGISTER is seen twice."""
        scene = Scene()
        for number in range(4):
            sent, refused = register(scene, "phone", reg_id=1, status=500, cseq=number + 1)
            scene.raw("inside", "edge", sent.data)
            scene.raw("edge", "inside", refused.data)
        hides(scene, "registration-storm")

    def test_through_a_proxy_it_is_one_attempt(self) -> None:
        scene = Scene()
        for number in range(4):
            sent, _ = register(scene, "phone", reg_id=1, status=500, cseq=number + 1)
            scene.reply(scene.forward(sent, "registrar"), 500)
        hides(scene, "registration-storm")

    @pytest.mark.parametrize("status", [401, 407])
    @pytest.mark.parametrize("last", [200, 0])
    def test_old_nonces(self, status: int, last: int) -> None:
        """Each refresh is challenged, with credentials, and then accepted: that is one attempt."""
        scene = Scene()
        credentials = ("Authorization", 'Digest realm="x", nonce="n", response="0"')
        headers = (("Contact", f"<{PHONE}>"), credentials)
        for number in range(5):
            sent = self.sent(scene, 2 * number + 1, headers)
            scene.reply(sent, status)
            sent = self.sent(scene, 2 * number + 2, headers)
            if last:
                scene.reply(sent, last)
            scene.wait(1)
        hides(scene, "registration-storm")

    def test_wrong_passwords(self) -> None:
        """Each one is refused, and tried again at once."""
        scene = Scene()
        credentials = ("Authorization", 'Digest realm="x", nonce="n", response="0"')
        for number in range(6):
            sent = self.sent(scene, number + 1, (("Contact", f"<{PHONE}>"), credentials))
            scene.reply(sent, 401)
        shows(scene, "registration-storm")

    @pytest.mark.parametrize(("times", "check"), [(5, hides), (6, shows)])
    def test_no_password_at_all(self, times: int, check: Callable[[Scene, str], object]) -> None:
        """It is challenged, and just tries again."""
        scene = Scene()
        for number in range(times):
            scene.reply(self.sent(scene, number + 1, (("Contact", f"<{PHONE}>"),)), 401)
        check(scene, "registration-storm")

    def test_an_instance_is_one_phone_whatever_else_changes(self) -> None:
        scene = Scene()
        for number in range(8):
            contact = f"<sip:bob@192.0.2.1:{5060 + number}>;+sip.instance={INSTANCE}"
            sent = self.sent(scene, 1, (("Contact", contact),), f"call-{number}")
            scene.reply(sent, 500)
        shows(scene, "registration-storm")

    def storm(self, times: int, apart: float, status: int = 500, expires: int = 3600) -> Scene:
        scene = Scene()
        for number in range(times):
            register(scene, "phone", reg_id=1, status=status, cseq=number + 1, expires=expires)
            scene.wait(apart)
        return scene

    def test_though_it_succeeds(self) -> None:
        shows(self.storm(6, 0.5, 200), "registration-storm")

    def test_five_are_none(self) -> None:
        scene = self.storm(5, 1)
        healthy(scene)
        nearly(scene, "registration-storm")

    def test_as_slow_as_the_rule_says(self) -> None:
        healthy(self.storm(20, 30))

    def test_a_short_expiry_wants_it(self) -> None:
        healthy(self.storm(20, 5, 200, expires=10))

    def test_many_phones_of_one_user(self) -> None:
        scene = Scene()
        for number in range(8):
            register(scene, f"phone-{number}")
        healthy(scene)

    def test_challenges_are_not_counted(self) -> None:
        scene = Scene()
        for number in range(5):
            register(scene, "phone", reg_id=1, status=401, cseq=2 * number + 1)
            again = scene.request(
                "phone",
                "edge",
                "REGISTER",
                "sip:example.com",
                caller="sip:bob@example.com",
                callee="sip:bob@example.com",
                call_id="register-phone-edge",
                cseq=2 * number + 2,
                headers=(
                    ("Contact", f"<sip:bob@x>;reg-id=1;+sip.instance={INSTANCE}"),
                    ("Authorization", 'Digest realm="x", nonce="n", response="0"'),
                ),
            )
            scene.reply(again, 200)
            scene.wait(5)
        hides(scene, "registration-storm")
