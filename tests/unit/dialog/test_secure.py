import pytest
from tests.unit.dialog.messages import invite

from ringway.dialog.secure import must_be_sips, with_sips

SIPS = "sips:bob@ringway.test"
ROUTE = ("Route", "<sips:p1.test;lr>")
RECORDED = ("Record-Route", "<sips:p1.test;lr>")
PLAIN = ("Record-Route", "<sip:p1.test;lr>")


class TestMustBeSips:
    @pytest.mark.parametrize("received", [True, False])
    def test_by_the_request_uri(self, received: bool) -> None:
        assert must_be_sips(invite(uri=SIPS), received=received)
        assert not must_be_sips(invite(), received=received)

    def test_ours_by_its_route(self) -> None:
        assert must_be_sips(invite(headers=[ROUTE]), received=False)
        assert not must_be_sips(invite(headers=[ROUTE]), received=True)

    def test_the_peers_by_record_route_or_else_contact(self) -> None:
        contact = "<sips:alice@10.0.0.1>"
        assert must_be_sips(invite(headers=[RECORDED]), received=True)
        assert must_be_sips(invite(contact=contact), received=True)
        assert not must_be_sips(invite(contact=contact, headers=[PLAIN]), received=True)
        assert not must_be_sips(invite(contact=contact, headers=[RECORDED]), received=False)


class TestWithSips:
    @pytest.mark.parametrize(
        ("contact", "made"),
        [
            ("<sip:a@10.0.0.1:5061;transport=tcp>;ob", "<sips:a@10.0.0.1:5061;transport=tcp>;ob"),
            ("<sips:a@10.0.0.1>", "<sips:a@10.0.0.1>"),
            ("<tel:+491234>", "<tel:+491234>"),
        ],
    )
    def test_changes_the_scheme_alone(self, contact: str, made: str) -> None:
        assert with_sips(contact) == made
