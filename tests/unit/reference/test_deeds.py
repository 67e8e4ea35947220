"""What Ringway does on a response: the table, in words."""

from itertools import product

import pytest

from ringway.codes import TABLE, Circumstance, Effect, Language, Role, Source, effects
from ringway.reference.deeds import deeds, does, leaves_as


class TestDeeds:
    @pytest.mark.parametrize("status", TABLE)
    def test_each_is_the_tables(self, status: int) -> None:
        possible = {
            tuple(map(str, effects(status, Circumstance(role, method, in_dialog, source))))
            for role, method, in_dialog, source in product(
                Role, ("INVITE", "REGISTER", "OPTIONS", "BYE"), (False, True), Source
            )
        }
        for language in Language:
            shown = deeds(status, language)
            assert {deed.effects for deed in shown} <= possible
            assert all(deed.does and deed.why for deed in shown)

    def test_430_sends_a_proxy_to_the_next_flow(self) -> None:
        first = deeds(430, Language.EN)[0]
        assert (first.role, first.when) == ("Proxy", "outside a dialog")
        assert first.effects == ("invalidate binding", "next flow", "forward")
        assert "RFC 5626 §7" in first.why

    def test_silence_is_told_of_408_only(self) -> None:
        assert any(deed.when == "no answer came in time" for deed in deeds(408, Language.EN))
        assert not any("no answer" in deed.when for deed in deeds(404, Language.EN))

    def test_a_broken_connection_is_told_of_503_only(self) -> None:
        assert any("the connection failed" in deed.when for deed in deeds(503, Language.EN))
        assert not any("connection" in deed.when for deed in deeds(500, Language.EN))

    @pytest.mark.parametrize("status", TABLE)
    def test_a_role_has_no_two_deeds_alike(self, status: int) -> None:
        shown = deeds(status, Language.EN)
        assert len({(deed.role, deed.when, deed.effects, deed.why) for deed in shown}) == len(shown)


class TestDoes:
    def test_one_after_the_other(self) -> None:
        chain = (Effect.INVALIDATE_BINDING, Effect.NEXT_FLOW, Effect.FORWARD)
        assert does(chain, Language.EN) == (
            "take the binding out of service, then take the next flow of the same phone, "
            "or else pass it on"
        )

    def test_a_give_up_that_comes_first_is_done_in_passing(self) -> None:
        assert does((Effect.GIVE_UP, Effect.FORWARD), Language.EN) == (
            "give up the request, then pass it on"
        )

    def test_a_last_give_up_is_what_is_left(self) -> None:
        assert does((Effect.RECURSE, Effect.GIVE_UP), Language.EN) == (
            "send the request to its Contacts, or else give up the request"
        )


class TestLeavesAs:
    def test_430_never_reaches_a_phone(self) -> None:
        assert {each.status for each in leaves_as(430, Language.EN)} == {480}

    def test_what_is_not_sent_at_all(self) -> None:
        assert [each.status for each in leaves_as(100, Language.ZH)] == [None]
