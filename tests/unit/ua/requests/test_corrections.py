"""What a refusal asks to be different, and what can be done about it."""

import pytest
from tests.harness import Headers, make_request

from ringway.message import build_response
from ringway.ua.requests.corrections import Corrected, Refused, correct


def corrected(
    status: int,
    answer: Headers = (),
    headers: tuple[tuple[str, str], ...] = (),
    *,
    uri: str = "sip:bob@bob.example",
    extensions: tuple[str, ...] = (),
) -> Corrected | None:
    request = make_request("INVITE", uri, to="<sip:bob@bob.example>", headers=headers)
    response = build_response(request, status, headers=answer)
    return correct(Refused(request, headers, response, "example.com", extensions))


def fields(found: Corrected | None) -> tuple[tuple[str, str], ...]:
    assert found is not None
    assert found.uri == ""
    assert found.text
    return found.headers


@pytest.mark.parametrize("status", [400, 413, 415, 424, 484, 488, 494])
def test_what_only_a_person_or_the_application_can_do(status: int) -> None:
    assert corrected(status) is None


class Test416:
    def test_a_number_becomes_a_sip_uri(self) -> None:
        found = corrected(416, uri="tel:+1-212-555;ext=7")
        assert found is not None
        assert found.uri == "sip:+1-212-555;ext=7@example.com;user=phone"

    @pytest.mark.parametrize("uri", ["sips:bob@bob.example", "sip:bob@bob.example", "im:bob@x"])
    def test_nothing_else_does(self, uri: str) -> None:
        assert corrected(416, uri=uri) is None

    def test_nor_what_cannot_be_read(self) -> None:
        assert corrected(416, uri="no-uri") is None


class Test420:
    def test_without_what_it_does_not_know(self) -> None:
        headers = (("Require", "Foo, 100rel"), ("Proxy-Require", "foo"), ("Subject", "foo"))
        found = corrected(420, [("Unsupported", "foo, bar")], headers)
        assert fields(found) == (("Require", "100rel"), ("Subject", "foo"))
        assert found is not None
        assert found.text == "without requiring Foo, foo"

    def test_where_none_of_it_was_required(self) -> None:
        headers = (("Require", "100rel"), ("Supported", "foo"))
        assert corrected(420, [("Unsupported", "foo")], headers) is None
        assert corrected(420, (), headers) is None

    def test_an_empty_field_does_not_survive(self) -> None:
        headers = (("Subject", ""), ("Require", "foo"))
        assert fields(corrected(420, [("Unsupported", "foo")], headers)) == (("Subject", ""),)


class Test421:
    def test_with_what_we_have(self) -> None:
        found = corrected(421, [("Require", "Timer")], extensions=("100rel", "timer"))
        assert fields(found) == (("Supported", "timer"),)

    def test_not_with_what_we_have_not(self) -> None:
        assert corrected(421, [("Require", "timer, foo")], extensions=("timer",)) is None

    def test_not_when_it_was_named_already(self) -> None:
        headers = (("Supported", "timer"),)
        assert corrected(421, [("Require", "timer")], headers, extensions=("timer",)) is None
        assert corrected(421, (), headers, extensions=("timer",)) is None


class Test422:
    def test_with_its_min_se(self) -> None:
        headers = (("Session-Expires", "90;refresher=uac"), ("Min-SE", "90"), ("Subject", "s"))
        assert fields(corrected(422, [("Min-SE", "600")], headers)) == (
            ("Subject", "s"), ("Session-Expires", "600;refresher=uac"), ("Min-SE", "600"),
        )  # fmt: skip

    def test_the_short_form(self) -> None:
        found = corrected(422, [("Min-SE", "600")], (("x", "90"),))
        assert fields(found) == (("Session-Expires", "600"), ("Min-SE", "600"))

    @pytest.mark.parametrize("asked", ["600", "1800", "soon"])
    def test_not_when_it_was_long_enough(self, asked: str) -> None:
        assert corrected(422, [("Min-SE", "600")], (("Session-Expires", asked),)) is None

    def test_not_without_a_min_se_or_an_interval(self) -> None:
        assert corrected(422, (), (("Session-Expires", "90"),)) is None
        assert corrected(422, [("Min-SE", "600")]) is None
        assert corrected(422, [("Min-SE", "x")], (("Session-Expires", "90"),)) is None


class Test423:
    def test_with_its_min_expires(self) -> None:
        headers = (("Expires", "60"), ("Event", "presence"))
        found = corrected(423, [("Min-Expires", "300")], headers)
        assert fields(found) == (("Event", "presence"), ("Expires", "300"))

    def test_not_when_it_was_long_enough_or_says_nothing(self) -> None:
        assert corrected(423, [("Min-Expires", "300")], (("Expires", "300"),)) is None
        assert corrected(423, (), (("Expires", "60"),)) is None
        assert corrected(423, [("Min-Expires", "300")]) is None
