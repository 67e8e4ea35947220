from tests.unit.registrar.harness import ALICE, CONTACT, INSTANCE, UDP, register
from tests.unit.registrar.node import Node

FLOW_1 = f"{CONTACT};reg-id=1{INSTANCE}"


class TestOnAnEndpoint:
    def test_over_udp(self) -> None:
        node = Node()
        response = node.response(register(CONTACT), UDP)
        assert response.status == 200
        assert response.to_tag != ""
        assert response.values("contact") == ("<sip:alice@192.0.2.9>;expires=3600",)
        assert [each.flow for each in node.location.bindings(ALICE, node.now)] == [None]

    def test_a_retransmission_changes_nothing(self) -> None:
        node = Node()
        first = node.response(register(CONTACT), UDP)
        again = node.response(register(CONTACT), UDP)
        assert again.to_bytes() == first.to_bytes()

    def test_a_closed_connection_takes_its_bindings_along(self) -> None:
        node = Node()
        flow = node.connect(40001)
        response = node.response(register(FLOW_1, flow=flow), flow)
        assert response.values("require") == ("outbound",)
        assert [each.flow for each in node.location.bindings(ALICE, node.now)] == [flow]
        node.endpoint.flow_closed(flow, "connection reset", node.now)
        assert node.location.bindings(ALICE, node.now) == ()
        assert [each.reason for each in node.location.lost(ALICE, node.now)] == ["connection reset"]

    def test_a_phone_that_reconnects_keeps_one_binding(self) -> None:
        node = Node()
        old, new = node.connect(40001), node.connect(40002)
        node.response(register(FLOW_1, flow=old), old)
        node.response(register(FLOW_1, flow=new, cseq=2), new)
        node.endpoint.flow_closed(old, "connection reset", node.now)
        assert [each.flow for each in node.location.bindings(ALICE, node.now)] == [new]

    def test_a_refusal(self) -> None:
        response = Node().response(register(f"{CONTACT};expires=5", flow=UDP), UDP)
        assert (response.status, response.get("min-expires")) == (423, "60")
