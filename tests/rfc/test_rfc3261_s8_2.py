"""RFC 3261 §8.2: what a user agent server does, where the node itself answers."""

import pytest
from tests.harness import make_request
from tests.unit.proxy.world import ALICE, BOB, DOMAIN, Phone, World

from ringway.message import Response

SELF = f"sip:{DOMAIN}"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def alice(world: World) -> Phone:
    return world.caller()


class TestSection8_2:
    @pytest.mark.clause("RFC3261-8.2-1")
    def test_an_accepted_request_takes_effect(self, world: World) -> None:
        world.phone()
        assert len(world.core.bindings()) == 1

    @pytest.mark.clause("RFC3261-8.2-2")
    @pytest.mark.parametrize(
        "headers",
        [
            [("Require", "unknown")],
            [("Expires", "1")],
            [("Contact", "<sip:bob@10.0.1.2>;expires=5")],
            [("Max-Forwards", "many")],
        ],
    )
    def test_a_rejected_request_changes_nothing(
        self, world: World, headers: list[tuple[str, str]]
    ) -> None:
        bob = world.phone(register=False)
        bob.request(
            "REGISTER",
            SELF,
            from_=f"<{BOB}>;tag=r",
            to=f"<{BOB}>",
            headers=[("Contact", f"<{bob.contact}>"), *headers],
        )
        assert bob.statuses[0] >= 400 or headers[0][0] == "Max-Forwards"
        if bob.statuses[0] >= 400:
            assert world.core.bindings() == ()

    @pytest.mark.clause("RFC3261-8.2-3")
    def test_the_method_is_looked_at_before_the_header_fields(self, alice: Phone) -> None:
        alice.request("PUBLISH", SELF, headers=[("Require", "unknown")])
        assert alice.statuses == [405]


class TestSection8_2_1:
    @pytest.mark.clause("RFC3261-8.2.1-1", "RFC3261-8.2.1-2", "RFC3261-8.2.1-3")
    @pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "SUBSCRIBE", "PUBLISH", "FOO"])
    def test_405_with_allow(self, alice: Phone, method: str) -> None:
        alice.request(method, SELF)
        assert alice.statuses == [405]
        assert alice.responses[0].has("allow")

    @pytest.mark.clause("RFC3261-8.2.1-4")
    def test_allow_names_what_is_supported(self, world: World, alice: Phone) -> None:
        alice.request("INVITE", SELF)
        allowed = alice.responses[0].values("allow")
        assert set(allowed) == {"OPTIONS", "REGISTER"}
        for method in allowed:
            asker = world.caller(host=f"10.0.6.{len(method)}")
            asker.request(method, SELF, to=f"<{ALICE}>", from_=f"<{ALICE}>;tag=x")
            assert asker.statuses == [200]

    def test_a_dialog_with_the_server_there_is_none(self, alice: Phone) -> None:
        alice.request("BYE", SELF, to=f"<{SELF}>;tag=x")
        assert alice.statuses == [481]


class TestSection8_2_2:
    @pytest.mark.clause("RFC3261-8.2.2-1", "RFC3261-8.2.2-2")
    def test_what_is_not_known_or_not_needed_is_ignored(self, alice: Phone) -> None:
        headers = [("X-Unknown", ";;;"), ("Date", "never"), ("Contact", "<sip:[broken>")]
        alice.request("OPTIONS", SELF, headers=headers)
        assert alice.statuses == [200]

    @pytest.mark.clause("RFC3261-8.2.2.1-1")
    @pytest.mark.parametrize("to", ["<tel:+15550100>", "<sip:somebody@elsewhere.example>"])
    def test_to_is_no_reason_to_reject(self, alice: Phone, to: str) -> None:
        alice.request("OPTIONS", SELF, to=to)
        assert alice.statuses == [200]

    @pytest.mark.clause("RFC3261-8.2.2.1-3")
    @pytest.mark.parametrize("method", ["OPTIONS", "INVITE", "REGISTER"])
    def test_416(self, alice: Phone, method: str) -> None:
        alice.request(method, "carrier:pigeon", to=f"<{BOB}>")
        assert alice.statuses == [416]

    @pytest.mark.clause("RFC3261-8.2.2.1-4")
    def test_404(self, alice: Phone) -> None:
        alice.request("OPTIONS", "tel:+15550100", to="<tel:+15550100>")
        assert alice.statuses == [404]

    @pytest.mark.clause("RFC3261-8.2.2.3-1", "RFC3261-8.2.2.3-2")
    def test_420_names_exactly_the_unknown_tags(self, alice: Phone) -> None:
        alice.request("OPTIONS", SELF, headers=[("Require", "path, foo, outbound, bar")])
        assert alice.statuses == [420]
        assert alice.responses[0].values("unsupported") == ("foo", "bar")

    @pytest.mark.clause("RFC3261-8.2.2.3-4")
    def test_require_in_a_cancel_is_ignored(self, world: World, alice: Phone) -> None:
        bob = world.phone()
        invite = alice.invite()
        bob.answer(bob.requests[0], 180)
        draft = make_request("CANCEL", BOB, call_id=invite.call_id).edit()
        draft.replace("via", invite.get("via") or "")
        draft.replace("from", invite.get("from") or "")
        draft.append("Require", "foo")
        draft.append("Proxy-Require", "bar")
        alice.send(draft.build())
        assert alice.statuses[-1] == 200
        assert bob.methods == ["INVITE", "CANCEL"]

    @pytest.mark.clause("RFC3261-8.2.2.3-4")
    def test_require_in_an_ack_is_ignored(self, world: World, alice: Phone) -> None:
        alice.request("INVITE", SELF)
        response = alice.responses[0]
        ack = make_request("ACK", SELF, to=response.get("to") or "").edit()
        ack.replace("via", response.get("via") or "")
        ack.append("Require", "foo")
        alice.send(ack.build())
        world.advance(40)
        assert alice.statuses == [405]  # not retransmitted: the ACK has counted


class TestSection8_2_4:
    @pytest.mark.clause("RFC3261-8.2.4-1", "RFC3261-8.2.4-2", "RFC3261-8.2.4-6")
    def test_no_extension_the_phone_does_not_name(self, world: World) -> None:
        bob = world.phone(register=False)
        bob.request(
            "REGISTER",
            SELF,
            from_=f"<{BOB}>;tag=r",
            to=f"<{BOB}>",
            headers=[("Contact", f'<{bob.contact}>;reg-id=1;+sip.instance="<urn:x>"')],
        )
        assert bob.statuses == [200]
        assert not bob.responses[0].has("require")

    @pytest.mark.clause("RFC3261-8.2.4-5")
    def test_one_that_is_used_is_named_in_require(self, world: World) -> None:
        bob = world.phone(register=False)
        assert bob.register().require == ("outbound",)


class TestSection8_2_6:
    @pytest.mark.clause("RFC3261-8.2.6.1-1", "RFC3261-8.2.6.1-2")
    def test_a_final_answer_at_once(self, alice: Phone) -> None:
        alice.request("OPTIONS", SELF)
        assert alice.statuses == [200]

    @pytest.mark.clause("RFC3261-8.2.6.1-3")
    def test_100_has_the_timestamp(self, world: World, alice: Phone) -> None:
        world.phone()
        alice.invite(headers=[("Timestamp", "54.5"), ("Contact", "<sip:alice@10.0.2.1>")])
        assert alice.responses[0].status == 100
        assert alice.responses[0].get("timestamp") == "54.5"
        assert alice.responses[0].to_tag == ""

    @pytest.mark.clause(
        "RFC3261-8.2.6.2-1", "RFC3261-8.2.6.2-2", "RFC3261-8.2.6.2-3", "RFC3261-8.2.6.2-4",
        "RFC3261-8.2.6.2-6", "RFC3261-16.1-1",
    )  # fmt: skip
    @pytest.mark.parametrize(("method", "uri"), [("OPTIONS", SELF), ("FOO", SELF), ("INVITE", BOB)])
    def test_what_is_copied(self, alice: Phone, method: str, uri: str) -> None:
        vias = [
            ("Via", "SIP/2.0/UDP b.example;branch=z9hG4bK2"),
            ("Via", "SIP/2.0/TCP c:5;branch=3"),
        ]
        request = alice.request(method, uri, headers=vias, from_='"A, B" <sip:a@b>;tag=1;x=y')
        response = alice.responses[-1]
        assert response.status in {200, 405, 480}
        for name in ("from", "call-id", "cseq"):
            assert response.get(name) == request.get(name)
        assert response.values("via") == request.values("via")
        assert (response.get("to") or "").startswith(request.get("to") or "none")
        assert response.to_tag

    @pytest.mark.clause("RFC3261-8.2.6.2-5")
    def test_a_to_tag_stays(self, alice: Phone) -> None:
        alice.request("OPTIONS", SELF, to=f"<{SELF}>;tag=theirs")
        assert alice.responses[0].to_tag == "theirs"

    @pytest.mark.clause("RFC3261-8.2.6.2-7")
    def test_one_to_tag_for_all(self, world: World, alice: Phone) -> None:
        invite = alice.invite()
        alice.send(invite)  # retransmitted
        world.advance(2)
        finals = [each for each in alice.responses if each.status > 100]
        assert len(finals) > 1
        assert len({each.to_tag for each in finals}) == 1


class TestSection8_2_7:
    """Malformed requests are answered without a transaction."""

    @staticmethod
    def broken(alice: Phone, method: str = "OPTIONS") -> bytes:
        request = make_request(method, SELF, sent_by=str(alice.address))
        return request.to_bytes().replace(b"\r\nCSeq: 1 ", b"\r\nCSeq: 1 X")

    @pytest.mark.clause("RFC3261-8.2.7-1", "RFC3261-8.2.7-2")
    def test_answered_once_and_never_provisionally(self, world: World, alice: Phone) -> None:
        alice.send(self.broken(alice, "INVITE"))
        world.advance(60)
        assert alice.statuses == [400]

    @pytest.mark.clause("RFC3261-8.2.7-3")
    def test_a_malformed_or_stray_ack_is_never_answered(self, world: World, alice: Phone) -> None:
        alice.send(self.broken(alice, "ACK"))
        alice.send(make_request("ACK", SELF, sent_by=str(alice.address)))
        world.advance(60)
        assert alice.received == []

    @pytest.mark.clause("RFC3261-8.2.7-5")
    def test_the_same_to_tag_each_time(self, alice: Phone) -> None:
        for _ in range(2):
            alice.send(self.broken(alice))
        one, two = alice.responses
        assert isinstance(one, Response)
        assert one.to_tag == two.to_tag
