"""What each response brings about, by circumstance."""

from itertools import product

import pytest

from ringway.codes import (
    TABLE,
    Circumstance,
    Effect,
    Role,
    Source,
    effects,
    explain,
    lookup,
    table,
)

END_DIALOG = Effect.END_DIALOG
FORWARD = Effect.FORWARD
GIVE_UP = Effect.GIVE_UP
INVALIDATE_BINDING = Effect.INVALIDATE_BINDING
NEXT_FLOW = Effect.NEXT_FLOW
NEXT_SERVER = Effect.NEXT_SERVER
RECURSE = Effect.RECURSE
RETRY_AFTER = Effect.RETRY_AFTER
RETRY_CHANGED = Effect.RETRY_CHANGED
ANSWER_CHALLENGE = Effect.ANSWER_CHALLENGE

METHODS = (
    *("INVITE", "ACK", "CANCEL", "BYE", "REGISTER", "OPTIONS", "PRACK", "SUBSCRIBE", "NOTIFY"),
    *("PUBLISH", "INFO", "REFER", "MESSAGE", "UPDATE", "UNHEARD-OF"),
)
EVERYWHERE = [Circumstance(*each) for each in product(Role, METHODS, (False, True), Source)]
ALWAYS_ON_THE_WAY = {FORWARD, GIVE_UP, END_DIALOG}


def at(
    role: Role,
    method: str = "INVITE",
    *,
    in_dialog: bool = False,
    source: Source = Source.RECEIVED,
) -> Circumstance:
    return Circumstance(role, method, in_dialog, source)


def proxy(source: Source = Source.RECEIVED, *, in_dialog: bool = False) -> Circumstance:
    return at(Role.PROXY, source=source, in_dialog=in_dialog)


class TestEveryCircumstance:
    @pytest.mark.parametrize("status", TABLE)
    def test_has_effects_that_end(self, status: int) -> None:
        for circumstance in EVERYWHERE:
            rule = explain(status, circumstance)
            assert rule.effects, circumstance
            assert rule.effects[-1] in ALWAYS_ON_THE_WAY, circumstance
            assert len(set(rule.effects)) == len(rule.effects), circumstance
            assert rule.why, circumstance
            assert rule.effects == effects(status, circumstance)

    @pytest.mark.parametrize("status", [199, 303, 431, 599, 699])
    def test_an_unknown_code_has_the_effects_of_what_it_is_read_as(self, status: int) -> None:
        for circumstance in EVERYWHERE:
            assert explain(status, circumstance) is explain(lookup(status).status, circumstance)

    @pytest.mark.parametrize("status", TABLE)
    def test_no_rule_of_a_row_is_out_of_reach(self, status: int) -> None:
        used = {id(explain(status, circumstance)) for circumstance in EVERYWHERE}
        assert all(id(rule) in used for rule in TABLE[status].rules)

    @pytest.mark.parametrize("status", TABLE)
    def test_only_proxies_pass_a_failure_on(self, status: int) -> None:
        for circumstance in EVERYWHERE:
            if circumstance.role in {Role.CALLER, Role.REGISTRAR} and status >= 300:
                assert FORWARD not in effects(status, circumstance)

    @pytest.mark.parametrize("status", TABLE)
    def test_an_edge_never_picks_another_flow(self, status: int) -> None:
        for circumstance in EVERYWHERE:
            if circumstance.role is Role.EDGE:
                assert set(effects(status, circumstance)) <= {FORWARD, GIVE_UP}

    def test_a_reason_names_its_section(self) -> None:
        rules = {explain(status, each) for status in TABLE for each in EVERYWHERE}
        assert [rule.why for rule in rules if "§" not in rule.why] == []
        assert [rule.why for rule in rules if "\n" in rule.why or "  " in rule.why] == []

    def test_a_number_of_no_class_is_refused(self) -> None:
        with pytest.raises(ValueError, match="9999 is not a SIP status code"):
            effects(9999, proxy())

    def test_methods_and_codes_from_the_wire_do_not_fill_memory(self) -> None:
        for circumstance in EVERYWHERE:
            effects(400, circumstance)
        before = len(table._REMEMBERED)
        for number in range(50):
            made_up = f"X{number}"
            assert effects(400 + number, at(Role.PROXY, made_up))
        known = sum(status in TABLE for status in range(400, 450))
        assert len(table._REMEMBERED) <= before + known


class TestAnInstanceHasAnswered:
    """RFC 5626 §7: only 430, 408, and what never reached it, lead to its next flow."""

    @pytest.mark.parametrize("status", TABLE)
    def test_a_response_from_the_wire_ends_its_flows(self, status: int) -> None:
        for in_dialog in (False, True):
            tried = NEXT_FLOW in effects(status, proxy(in_dialog=in_dialog))
            assert tried is (status in {408, 430})

    @pytest.mark.parametrize("status", TABLE)
    def test_only_430_takes_a_binding(self, status: int) -> None:
        for circumstance in EVERYWHERE:
            if INVALIDATE_BINDING in effects(status, circumstance):
                assert status == 430


class TestProxy:
    @pytest.mark.parametrize(
        ("status", "source", "outside", "inside"),
        [
            (
                430,
                Source.RECEIVED,
                (INVALIDATE_BINDING, NEXT_FLOW, FORWARD),
                (NEXT_FLOW, FORWARD),
            ),
            (
                430,
                Source.OWN_EDGE,
                (INVALIDATE_BINDING, NEXT_FLOW, FORWARD),
                (NEXT_FLOW, FORWARD),
            ),
            (408, Source.RECEIVED, (NEXT_FLOW, FORWARD), (NEXT_FLOW, FORWARD)),
            (408, Source.OWN_EDGE, (NEXT_FLOW, FORWARD), (NEXT_FLOW, FORWARD)),
            (
                408,
                Source.TIMER,
                (NEXT_FLOW, NEXT_SERVER, FORWARD),
                (NEXT_FLOW, NEXT_SERVER, FORWARD),
            ),
            (
                503,
                Source.TRANSPORT,
                (NEXT_SERVER, NEXT_FLOW, FORWARD),
                (NEXT_SERVER, NEXT_FLOW, FORWARD),
            ),
            (503, Source.RECEIVED, (NEXT_SERVER, FORWARD), (NEXT_SERVER, FORWARD)),
            (503, Source.OWN_EDGE, (NEXT_FLOW, FORWARD), (NEXT_FLOW, FORWARD)),
            (500, Source.RECEIVED, (FORWARD,), (FORWARD,)),
            (486, Source.RECEIVED, (FORWARD,), (FORWARD,)),
            (482, Source.RECEIVED, (FORWARD,), (FORWARD,)),
            (401, Source.RECEIVED, (FORWARD,), (FORWARD,)),
            (407, Source.RECEIVED, (FORWARD,), (FORWARD,)),
            (300, Source.RECEIVED, (RECURSE, FORWARD), (FORWARD,)),
            (301, Source.RECEIVED, (RECURSE, FORWARD), (FORWARD,)),
            (302, Source.RECEIVED, (RECURSE, FORWARD), (FORWARD,)),
            (305, Source.RECEIVED, (RECURSE, FORWARD), (FORWARD,)),
            (380, Source.RECEIVED, (FORWARD,), (FORWARD,)),
            (100, Source.RECEIVED, (FORWARD,), (FORWARD,)),
            (180, Source.RECEIVED, (FORWARD,), (FORWARD,)),
            (200, Source.RECEIVED, (FORWARD,), (FORWARD,)),
            (600, Source.RECEIVED, (GIVE_UP, FORWARD), (GIVE_UP, FORWARD)),
            (603, Source.OWN_EDGE, (GIVE_UP, FORWARD), (GIVE_UP, FORWARD)),
        ],
    )
    def test_effects(
        self,
        status: int,
        source: Source,
        outside: tuple[Effect, ...],
        inside: tuple[Effect, ...],
    ) -> None:
        assert effects(status, proxy(source)) == outside
        assert effects(status, proxy(source, in_dialog=True)) == inside

    @pytest.mark.parametrize("status", [300, 301, 302, 303, 305])
    def test_a_registration_is_not_redirected_by_a_proxy(self, status: int) -> None:
        assert effects(status, at(Role.PROXY, "REGISTER")) == (FORWARD,)

    def test_an_unknown_redirection_is_followed_as_300(self) -> None:
        assert effects(303, proxy()) == (RECURSE, FORWARD)


class TestCancelAndAck:
    @pytest.mark.parametrize("role", Role)
    @pytest.mark.parametrize("source", Source)
    @pytest.mark.parametrize("status", [200, 302, 401, 408, 481, 503])
    def test_nothing_comes_of_a_cancel(self, role: Role, source: Source, status: int) -> None:
        assert effects(status, at(role, "CANCEL", source=source)) == (GIVE_UP,)

    def test_an_ack_that_could_not_be_sent_takes_another_flow(self) -> None:
        lost = at(Role.PROXY, "ACK", in_dialog=True, source=Source.TRANSPORT)
        assert effects(503, lost) == (NEXT_FLOW, GIVE_UP)
        assert effects(503, lost._replace(role=Role.EDGE)) == (GIVE_UP,)


class TestRegistrar:
    def test_a_probe_of_a_dead_flow_takes_its_binding(self) -> None:
        assert effects(430, at(Role.REGISTRAR, "OPTIONS")) == (INVALIDATE_BINDING, GIVE_UP)

    def test_any_other_failure_of_a_probe_means_nothing(self) -> None:
        assert effects(486, at(Role.REGISTRAR, "OPTIONS")) == (GIVE_UP,)
        assert effects(302, at(Role.REGISTRAR, "OPTIONS")) == (GIVE_UP,)


class TestCaller:
    @pytest.mark.parametrize("status", [401, 407])
    def test_answers_a_challenge(self, status: int) -> None:
        assert effects(status, at(Role.CALLER)) == (ANSWER_CHALLENGE, GIVE_UP)

    @pytest.mark.parametrize("in_dialog", [False, True])
    @pytest.mark.parametrize("status", [300, 301, 302, 305])
    def test_follows_a_redirection(self, status: int, in_dialog: bool) -> None:
        there = at(Role.CALLER, in_dialog=in_dialog)
        assert effects(status, there) == (RECURSE, GIVE_UP)

    @pytest.mark.parametrize(
        "status",
        [412, 415, 416, 417, 420, 421, 422, 423, 424, 428, 436, 438, 484, 488, 493, 494],
    )
    def test_sends_again_with_changes(self, status: int) -> None:
        assert effects(status, at(Role.CALLER)) == (RETRY_CHANGED, GIVE_UP)

    @pytest.mark.parametrize("status", [404, 480, 486, 500, 600, 603])
    def test_sends_again_later(self, status: int) -> None:
        assert effects(status, at(Role.CALLER)) == (RETRY_AFTER, GIVE_UP)

    @pytest.mark.parametrize("status", [380, 400, 403, 410, 429, 433, 485, 487, 604, 607])
    def test_is_told_no(self, status: int) -> None:
        assert effects(status, at(Role.CALLER)) == (GIVE_UP,)

    def test_a_body_too_large_is_shortened_or_waits(self) -> None:
        assert effects(413, at(Role.CALLER)) == (RETRY_CHANGED, RETRY_AFTER, GIVE_UP)

    def test_glare_is_waited_out_within_a_dialog_only(self) -> None:
        assert effects(491, at(Role.CALLER, in_dialog=True)) == (RETRY_AFTER, GIVE_UP)
        assert effects(491, at(Role.CALLER)) == (GIVE_UP,)

    def test_registers_without_outbound_after_439(self) -> None:
        assert effects(439, at(Role.CALLER, "REGISTER")) == (RETRY_CHANGED, NEXT_SERVER, GIVE_UP)
        assert effects(439, at(Role.CALLER, "INVITE")) == (GIVE_UP,)

    def test_registers_without_push_after_555(self) -> None:
        assert effects(555, at(Role.CALLER, "REGISTER")) == (RETRY_CHANGED, GIVE_UP)

    @pytest.mark.parametrize("source", Source)
    @pytest.mark.parametrize("status", [408, 503])
    def test_a_registration_never_gives_up_without_a_later_try(
        self, status: int, source: Source
    ) -> None:
        there = at(Role.CALLER, "REGISTER", source=source)
        assert effects(status, there) == (NEXT_SERVER, RETRY_AFTER, GIVE_UP)

    @pytest.mark.parametrize(
        ("status", "source", "expected"),
        [
            (408, Source.TIMER, (NEXT_SERVER, GIVE_UP)),
            (408, Source.RECEIVED, (GIVE_UP,)),
            (430, Source.RECEIVED, (NEXT_FLOW, GIVE_UP)),
            (503, Source.TRANSPORT, (NEXT_SERVER, NEXT_FLOW, GIVE_UP)),
            (503, Source.RECEIVED, (NEXT_SERVER, NEXT_FLOW, RETRY_AFTER, GIVE_UP)),
        ],
    )
    def test_a_call_that_does_not_get_through(
        self, status: int, source: Source, expected: tuple[Effect, ...]
    ) -> None:
        assert effects(status, at(Role.CALLER, source=source)) == expected

    @pytest.mark.parametrize("status", [408, 481])
    def test_hears_that_the_dialog_ends(self, status: int) -> None:
        rule = explain(status, at(Role.CALLER, "BYE", in_dialog=True))
        assert rule.effects == (END_DIALOG,)
        assert "§12.2.1.2" in rule.why

    @pytest.mark.parametrize(
        ("status", "source", "expected"),
        [
            (408, Source.TIMER, (NEXT_SERVER, END_DIALOG)),
            (430, Source.RECEIVED, (NEXT_FLOW, GIVE_UP)),
            (503, Source.TRANSPORT, (NEXT_SERVER, NEXT_FLOW, GIVE_UP)),
            (503, Source.RECEIVED, (NEXT_SERVER, RETRY_AFTER, GIVE_UP)),
        ],
    )
    def test_a_call_outlives_its_flow(
        self, status: int, source: Source, expected: tuple[Effect, ...]
    ) -> None:
        there = at(Role.CALLER, "BYE", in_dialog=True, source=source)
        assert effects(status, there) == expected

    @pytest.mark.parametrize("status", TABLE)
    def test_a_dialog_ends_for_who_is_in_it(self, status: int) -> None:
        for circumstance in EVERYWHERE:
            if END_DIALOG in effects(status, circumstance):
                assert (circumstance.role, circumstance.in_dialog) == (Role.CALLER, True)

    def test_a_registration_is_of_one_flow(self) -> None:
        assert effects(430, at(Role.CALLER, "REGISTER")) == (GIVE_UP,)
