"""Which response goes upstream, and as what."""

from itertools import permutations, product

import pytest

from ringway.codes import (
    CANCELLED,
    TABLE,
    Role,
    Source,
    Toward,
    forwarded_as,
    own_answer,
    rank,
    synthetic,
    translation,
)

AGENT = Toward.AGENT
PROXY = Toward.PROXY


def best(*statuses: int) -> int:
    return min(statuses, key=rank)


class TestBestResponse:
    """RFC 3261 §16.7 step 6."""

    @pytest.mark.parametrize(
        ("statuses", "chosen"),
        [
            ((503, 407, 501, 404), 407),
            ((302, 486), 302),
            ((302, 603), 603),
            ((200, 603), 200),
            ((401, 603), 603),
            ((404, 500), 404),
            ((486, 401), 401),
            ((486, 415), 415),
            ((486, 420), 420),
            ((486, 484), 484),
            ((415, 407), 407),
            ((500, 503), 500),
            ((580, 503), 580),
        ],
    )
    def test_class_and_preference(self, statuses: tuple[int, ...], chosen: int) -> None:
        for order in permutations(statuses):
            assert best(*order) == chosen

    @pytest.mark.parametrize("answer", [403, 404, 480, 481, 486, 488, 491])
    @pytest.mark.parametrize("path", [430, 408, 440, 482, 483, 487])
    def test_a_broken_path_loses_against_a_word_of_the_callee(self, path: int, answer: int) -> None:
        assert best(path, answer) == best(answer, path) == answer

    def test_a_broken_path_still_wins_over_a_higher_class(self) -> None:
        assert best(500, 408) == 408

    def test_our_own_cancel_comes_last_in_its_class(self) -> None:
        assert best(CANCELLED, 430, 408, 482) == 430
        assert max(rank(status) for status in TABLE if status // 100 == 4) == rank(CANCELLED)

    def test_of_equals_the_first_is_taken(self) -> None:
        assert best(486, 404) == 486
        assert best(404, 486) == 404
        assert best(603, 600) == 603

    def test_a_provisional_is_never_chosen(self) -> None:
        assert max(TABLE, key=rank) in range(100, 200)
        assert best(183, 503) == 503

    def test_an_unknown_code_ranks_with_its_class(self) -> None:
        assert rank(431) == rank(400)
        assert best(431, 580) == 431


class TestForwardedAs:
    def test_a_503_goes_upstream_as_500(self) -> None:
        for source, toward, authoritative in product(
            (Source.RECEIVED, Source.OWN_EDGE), Toward, (False, True)
        ):
            status = forwarded_as(503, "INVITE", toward, source=source, authoritative=authoritative)
            assert status == 500

    def test_a_transport_error_of_a_proxy_is_a_500(self) -> None:
        assert forwarded_as(503, "INVITE", AGENT, source=Source.TRANSPORT) == 500
        assert forwarded_as(503, "INVITE", PROXY, source=Source.TRANSPORT) == 500

    @pytest.mark.parametrize("toward", Toward)
    def test_no_way_to_the_user_is_a_480(self, toward: Toward) -> None:
        for status, source in ((430, Source.RECEIVED), (503, Source.TRANSPORT)):
            sent = forwarded_as(status, "INVITE", toward, source=source, authoritative=True)
            assert sent == 480

    @pytest.mark.parametrize(("toward", "status"), [(PROXY, 430), (AGENT, 480)])
    def test_a_flow_that_an_edge_cannot_write_to_has_failed(
        self, toward: Toward, status: int
    ) -> None:
        sent = forwarded_as(503, "INVITE", toward, role=Role.EDGE, source=Source.TRANSPORT)
        assert sent == status

    def test_a_503_of_the_phone_is_a_500_of_its_edge(self) -> None:
        assert forwarded_as(503, "INVITE", PROXY, role=Role.EDGE) == 500

    def test_a_430_stays_between_proxies_and_never_reaches_an_agent(self) -> None:
        assert forwarded_as(430, "BYE", PROXY) == 430
        assert forwarded_as(430, "BYE", PROXY, role=Role.EDGE) == 430
        assert forwarded_as(430, "BYE", AGENT) == 480

    @pytest.mark.parametrize("status", TABLE)
    def test_no_agent_ever_sees_430(self, status: int) -> None:
        for method, role, source, authoritative in product(
            ("INVITE", "BYE"), Role, Source, (False, True)
        ):
            sent = forwarded_as(
                status, method, AGENT, role=role, source=source, authoritative=authoritative
            )
            assert sent != 430

    @pytest.mark.parametrize("toward", Toward)
    @pytest.mark.parametrize("source", Source)
    def test_a_408_is_for_invite_only(self, toward: Toward, source: Source) -> None:
        assert forwarded_as(408, "INVITE", toward, source=source) == 408
        assert forwarded_as(408, "BYE", toward, source=source) is None
        assert forwarded_as(408, "MESSAGE", toward, source=source, authoritative=True) is None

    def test_a_100_ends_here(self) -> None:
        assert forwarded_as(100, "INVITE", AGENT) is None
        assert forwarded_as(100, "INVITE", PROXY) is None

    @pytest.mark.parametrize("status", [180, 199, 200, 302, 401, 431, 480, 487, 599, 603, 699])
    def test_everything_else_is_itself(self, status: int) -> None:
        for method, toward, role in product(("INVITE", "MESSAGE"), Toward, Role):
            assert forwarded_as(status, method, toward, role=role) == status

    def test_a_number_of_no_class_is_refused(self) -> None:
        with pytest.raises(ValueError, match="77 is not a SIP status code"):
            forwarded_as(77, "INVITE", AGENT)


class TestWhy:
    @pytest.mark.parametrize("status", TABLE)
    def test_the_row_is_what_decides(self, status: int) -> None:
        for method, toward, source in product(("INVITE", "BYE"), Toward, Source):
            row = translation(status, method, toward, source=source)
            sent = forwarded_as(status, method, toward, source=source)
            assert sent == (status if row is None else row.status)
            assert row is None or "RFC" in row.why

    def test_of_an_answer_of_our_own(self) -> None:
        assert own_answer(403).startswith("The server understood the request and refuses it")
        assert own_answer(403).endswith("(RFC 3261 §21.4.4).")
        assert own_answer(499).endswith("(RFC 3261 §21.4.1).")


class TestWithoutResponse:
    def test_silence_is_408_and_a_broken_transport_503(self) -> None:
        assert synthetic(Source.TIMER) == 408
        assert synthetic(Source.TRANSPORT) == 503
        assert CANCELLED == 487

    @pytest.mark.parametrize("source", [Source.RECEIVED, Source.OWN_EDGE])
    def test_what_was_received_has_its_own_status(self, source: Source) -> None:
        with pytest.raises(ValueError, match=f"'{source.value}' has its own status"):
            synthetic(source)
