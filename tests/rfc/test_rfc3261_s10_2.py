"""RFC 3261 §10.2: how a user agent registers."""

import pytest
from tests.unit.ua.edges import AOR, World

EDGE = "sip:10.0.0.11;transport=tcp"


@pytest.fixture
def w() -> World:
    return World(EDGE)


class TestSection10_2:
    @pytest.mark.clause("RFC3261-10.2-2")
    def test_record_route_makes_no_route_set(self, w: World) -> None:
        edge = w.edges[0]
        edge.headers.append(("Record-Route", "<sip:other.example;lr>"))
        w.start()
        w.advance(3240)
        first, second = edge.registers
        assert first.values("route") == second.values("route")

    @pytest.mark.clause("RFC3261-10.2-4", "RFC3261-10.2-9", "RFC3261-10.2.6-1")
    def test_the_domain_is_asked(self, w: World) -> None:
        w.start()
        assert w.edges[0].last.uri_text == "sip:example.com"
        assert not w.edges[0].last.contacts[0].has_param("action")

    @pytest.mark.clause("RFC3261-10.2-6", "RFC3261-10.2-7", "RFC3261-10.2.4-2", "RFC3261-8.1.1.4-2")
    def test_one_call_id_and_numbers_that_rise_by_one(self, w: World) -> None:
        w.start()
        w.advance(3240)
        w.edges[0].peer.close()  # a new flow, the same registration
        w.advance(5)
        registers = w.edges[0].registers
        assert len({each.call_id for each in registers}) == 1
        numbers = [each.cseq.number for each in registers]
        assert numbers == list(range(numbers[0], numbers[0] + 3))

    @pytest.mark.clause("RFC3261-10.2-8")
    def test_one_at_a_time(self, w: World) -> None:
        edge = w.edges[0]
        edge.reaction = None
        w.start()
        w.advance(31)
        assert len(edge.registers) == 1

    @pytest.mark.clause("RFC3261-10.2.1-1")
    def test_contacts_of_a_sips_address_are_sips(self) -> None:
        w = World("sip:10.0.0.11;transport=tls", aor="sips:alice@example.com")
        w.start()
        assert w.edges[0].last.contacts[0].uri.scheme == "sips"

    @pytest.mark.clause("RFC3261-10.2.4-1")
    def test_only_its_own_binding_is_refreshed(self, w: World) -> None:
        edge = w.edges[0]
        edge.headers.append(("Contact", f"<sip:other@10.9.9.9>;expires=60;x={AOR[4:9]}"))
        w.start()
        w.advance(3240)
        assert len(edge.registers) == 2
        (contact,) = edge.last.contacts
        assert str(contact.uri) == "sip:alice@10.0.0.1:5060;transport=tcp"

    @pytest.mark.clause("RFC3261-10.2.4-3")
    def test_refreshes_go_where_the_registration_went(self, w: World) -> None:
        w.start()
        w.advance(3240)
        first, second = w.edges[0].registers
        assert first.uri_text == second.uri_text
        assert len(w.connects) == 1

    @pytest.mark.clause("RFC3261-10.2.7-1")
    def test_a_registrar_that_is_silent_is_not_asked_again_at_once(self, w: World) -> None:
        w.edges[0].reaction = None
        w.start()
        w.advance(32 + 29)
        assert len(w.edges[0].registers) == 1
