import pytest

from ringway.location import PutRedirect, RedirectRule, When
from ringway.message import Request, build_request
from ringway.redirect import RedirectTable, make_rule, redirect_headers

ALICE = "sip:alice@example.com"
DESK = "sip:alice@desk.example.com"
MOBILE = "sip:alice@mobile.example.net"


def invite(uri: str = ALICE) -> Request:
    return build_request(
        "INVITE", uri, from_="<sip:bob@example.com>;tag=b", to=f"<{ALICE}>", call_id="c", cseq=1
    )


class TestMakeRule:
    def test_best_target_first(self) -> None:
        rule = make_rule(ALICE, [(DESK, 0.5), (MOBILE, 0.9)], when=When.BUSY, until=60.0)
        assert rule == RedirectRule(ALICE, ((MOBILE, 0.9), (DESK, 0.5)), 302, When.BUSY, 60.0)

    def test_equal_targets_stay_in_order(self) -> None:
        assert make_rule(ALICE, [(DESK, 1.0), (MOBILE, 1.0)]).targets[0][0] == DESK

    @pytest.mark.parametrize(
        ("targets", "status", "words"),
        [
            ([(DESK, 1.0)], 303, "300, 301, 302 or 305, not 303"),
            ([(DESK, 1.0)], 380, "not 380"),
            ([], 302, "needs a target"),
            ([("desk", 1.0)], 302, "is no target"),
            ([(DESK + ">\r\nX: y", 1.0)], 302, "is no target"),
            ([("tel:+15550100", 1.0)], 305, "is no proxy"),
            ([(DESK, 1.5)], 302, "q is 1.5"),
            ([(ALICE + ";transport=tcp", 1.0)], 302, "back to where they come from"),
        ],
    )
    def test_what_makes_no_rule(
        self, targets: list[tuple[str, float]], status: int, words: str
    ) -> None:
        with pytest.raises(ValueError, match=words):
            make_rule(ALICE, targets, status=status)


class TestTable:
    def test_find_by_aor_and_happening(self) -> None:
        always, busy = (
            make_rule(ALICE, [(DESK, 1)]),
            make_rule(ALICE, [(MOBILE, 1)], when=When.BUSY),
        )
        table = RedirectTable([always, busy])
        assert table.find(ALICE, When.ALWAYS, 0.0) == always
        assert table.find(ALICE, When.BUSY, 0.0) == busy
        assert table.find(ALICE, When.NO_ANSWER, 0.0) is None
        assert table.find("sip:bob@example.com", When.ALWAYS, 0.0) is None

    def test_a_rule_replaces_the_one_of_its_happening(self) -> None:
        table = RedirectTable([make_rule(ALICE, [(DESK, 1)])])
        table.apply([PutRedirect(make_rule(ALICE, [(MOBILE, 1)]))])
        assert [rule.targets[0][0] for rule in table.rules(0.0)] == [MOBILE]

    def test_a_rule_ends(self) -> None:
        rule = make_rule(ALICE, [(DESK, 1)], until=60.0)
        table = RedirectTable([rule, make_rule("sip:bob@example.com", [(DESK, 1)])])
        assert table.find(ALICE, When.ALWAYS, 59.9) == rule
        assert table.find(ALICE, When.ALWAYS, 60.0) is None
        assert [each.aor for each in table.rules(60.0)] == ["sip:bob@example.com"]
        assert table.expire(59.9) == ()
        changes = table.expire(60.0)
        assert [each.rule for each in changes] == [rule]
        table.apply(changes)
        assert list(table.rules(0.0, ALICE)) == []

    def test_clear(self) -> None:
        always, busy = (
            make_rule(ALICE, [(DESK, 1)]),
            make_rule(ALICE, [(MOBILE, 1)], when=When.BUSY),
        )
        table = RedirectTable([always, busy])
        changes = table.clear(ALICE, When.BUSY)
        assert len(list(table.rules(0.0))) == 2  # not yet
        table.apply(changes)
        assert list(table.rules(0.0)) == [always]
        table.apply(table.clear(ALICE))
        table.apply(changes)
        assert list(table.rules(0.0)) == []
        assert table.clear(ALICE) == ()


class TestAnswer:
    """RFC 3261 §8.3, §21.3."""

    def test_one_target_without_an_end_says_nothing_of_caching(self) -> None:
        assert redirect_headers(make_rule(ALICE, [(DESK, 1.0)]), invite(), 0.0) == (
            ("Contact", f"<{DESK}>"),
        )

    def test_the_end_is_told_in_contact_and_expires(self) -> None:
        rule = make_rule(ALICE, [(DESK, 1.0)], until=100.0)
        assert redirect_headers(rule, invite(), 40.5) == (
            ("Contact", f"<{DESK}>;expires=60"),
            ("Expires", "60"),
        )

    def test_several_targets_carry_q(self) -> None:
        rule = make_rule(ALICE, [(DESK, 0.5), (MOBILE, 1.0)], status=300, until=60.0)
        assert redirect_headers(rule, invite(), 0.0) == (
            ("Contact", f"<{MOBILE}>;q=1;expires=60"),
            ("Contact", f"<{DESK}>;q=0.5;expires=60"),
            ("Expires", "60"),
        )

    def test_never_to_the_request_uri_itself(self) -> None:
        rule = make_rule(ALICE, [(DESK, 1.0), (MOBILE, 0.5)])
        headers = redirect_headers(rule, invite("sip:%61lice@DESK.example.com"), 0.0)
        assert headers == (("Contact", f"<{MOBILE}>;q=0.5"),)

    def test_nothing_left_is_no_answer(self) -> None:
        assert redirect_headers(make_rule(ALICE, [(DESK, 1.0)]), invite(DESK), 0.0) is None

    def test_the_contact_of_a_305_is_the_proxy(self) -> None:
        rule = make_rule(ALICE, [("sip:proxy.example.net;lr", 1.0)], status=305)
        assert redirect_headers(rule, invite(), 0.0) == (("Contact", "<sip:proxy.example.net;lr>"),)

    def test_the_last_moment_counts_as_one_second(self) -> None:
        rule = make_rule(ALICE, [(DESK, 1.0)], until=10.0)
        assert redirect_headers(rule, invite(), 10.0) == (
            ("Contact", f"<{DESK}>;expires=1"),
            ("Expires", "1"),
        )
