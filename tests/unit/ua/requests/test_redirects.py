"""Where redirects lead, under policy, and what is remembered of them."""

from collections.abc import Iterable
from typing import Any

import pytest
from tests.harness import Headers, make_request

from ringway.message import NameAddr, Response, build_response, parse_uri
from ringway.ua.requests.redirects import (
    Follow,
    RedirectMemory,
    Target,
    Targets,
    contacts_of,
    with_headers,
)
from ringway.ua.settings import RedirectPolicy

BOB = "sip:bob@bob.example"


def redirect(*contacts: str, status: int = 302, headers: Headers = ()) -> Response:
    values = [("Contact", each if "<" in each else f"<{each}>") for each in contacts]
    return build_response(make_request("INVITE", BOB), status, headers=[*values, *headers])


class Tour:
    """The targets of one request."""

    def __init__(
        self,
        original: str = BOB,
        *,
        memory: RedirectMemory | None = None,
        follow: Follow = None,
        within: bool = False,
        **policy: Any,
    ) -> None:
        self.memory = RedirectMemory() if memory is None and not within else memory
        self.targets = Targets(parse_uri(original), RedirectPolicy(**policy), self.memory, follow)
        self.now = 1000.0
        self.at: Target | None = None

    def next(self) -> str:
        """Go to the next target; return its URI, empty if there is none."""
        self.at = self.targets.next(self.now)
        if self.at is None:
            return ""
        return f"{self.at.uri} by {self.at.proxy}" if self.at.proxy else str(self.at.uri)

    def rest(self) -> list[str]:
        return list(iter(self.next, ""))

    def redirected(self, *contacts: str, status: int = 302, headers: Headers = ()) -> str:
        """Let the present target redirect; return why it is not followed."""
        assert self.at is not None
        return self.targets.add(
            redirect(*contacts, status=status, headers=headers), self.at, self.now
        )

    def follow(self, *contacts: str, status: int = 302, headers: Headers = ()) -> list[str]:
        """Let the first target redirect; return where that leads."""
        self.next()
        self.redirected(*contacts, status=status, headers=headers)
        return self.rest()


class TestTargetSet:
    def test_it_starts_with_the_request_uri_alone(self) -> None:
        assert Tour().rest() == [BOB]

    def test_by_q_and_equal_ones_in_order(self) -> None:
        found = Tour().follow(
            "<sip:low@x>;q=0.1", "<sip:one@x>;q=0.5", "<sip:two@x>;q=0.5", "sip:high@x"
        )
        assert found == ["sip:high@x", "sip:one@x", "sip:two@x", "sip:low@x"]

    def test_a_redirect_stands_in_the_place_of_who_redirected(self) -> None:
        tour = Tour()
        tour.next()
        tour.redirected("sip:a@x", "sip:b@x")
        assert tour.next() == "sip:a@x"
        tour.redirected("sip:a1@x", "sip:a2@x")
        assert tour.rest() == ["sip:a1@x", "sip:a2@x", "sip:b@x"]

    @pytest.mark.parametrize("same", [BOB, "SIP:bob@BOB.example", BOB + "?Subject=x"])
    def test_the_original_is_not_tried_again(self, same: str) -> None:
        tour = Tour()
        tour.next()
        assert tour.redirected(same) == "it leads only to where the request has been"
        assert tour.rest() == []

    def test_each_uri_once(self) -> None:
        tour = Tour()
        tour.next()
        assert tour.redirected("sip:a@x", "sip:a@x", "<sip:A@x>", "<sip:a@X>") == ""
        assert tour.next() == "sip:a@x"
        tour.redirected("sip:b@x", BOB, "sip:a@x")
        assert tour.rest() == ["sip:b@x", "sip:A@x"]

    def test_method_and_headers_are_not_part_of_the_request_uri(self) -> None:
        tour = Tour()
        tour.next()
        tour.redirected("sip:a@x;method=BYE;user=phone?Subject=hi")
        assert tour.next() == "sip:a@x;user=phone"

    def test_what_is_no_contact_is_left_out(self) -> None:
        response = redirect("<sip:a@x>", "<no uri>", "<sip:b@x>;q=0.3")
        assert [each.uri_text for each in contacts_of(response)] == ["sip:a@x", "sip:b@x"]

    def test_without_a_contact_it_leads_nowhere(self) -> None:
        tour = Tour()
        tour.next()
        assert tour.redirected() == "it names no Contact"

    def test_305_keeps_the_request_uri(self) -> None:
        assert Tour().follow("sip:proxy.example", status=305) == [f"{BOB} by sip:proxy.example"]

    def test_305_to_the_same_proxy_again_ends_it(self) -> None:
        tour = Tour()
        tour.next()
        tour.redirected("sip:proxy.example", status=305)
        assert tour.next() == f"{BOB} by sip:proxy.example"
        assert "has been" in tour.redirected("sip:proxy.example", status=305)

    def test_305_within_a_dialog_is_not_followed(self) -> None:
        tour = Tour(within=True)
        tour.next()
        assert "route set" in tour.redirected("sip:proxy.example", status=305)
        assert tour.redirected("sip:a@x") == ""


class TestPolicy:
    def test_depth(self) -> None:
        tour = Tour(depth=2)
        for number in range(2):
            tour.next()
            assert tour.redirected(f"sip:a{number}@x") == ""
        tour.next()
        assert tour.redirected("sip:a9@x") == "it is redirect number 3 in a row"

    def test_targets(self) -> None:
        tour = Tour(targets=3)
        tour.next()
        tour.redirected("sip:a@x", "sip:b@x")
        assert tour.next() == "sip:a@x"
        tour.redirected("sip:c@x", "sip:d@x")
        assert tour.next() == "sip:c@x"
        assert tour.redirected("sip:e@x") == "the request has been to enough places"
        assert tour.rest() == ["sip:b@x"]

    @pytest.mark.parametrize(
        ("domains", "uri", "allowed"),
        [
            (("*",), "sip:a@anything", True),
            (("x.example",), "sip:a@X.example", True),
            (("x.example",), "sip:a@sub.x.example", False),
            (("*.x.example",), "sip:a@sub.x.example", True),
            (("*.x.example",), "sip:a@x.example", True),
            (("*.x.example",), "sip:a@notx.example", False),
            ((), "sip:a@x.example", False),
            (("x.example",), "sip:a@x.example;maddr=10.0.0.9", False),
            (("x.example", "10.0.0.9"), "sip:a@x.example;maddr=10.0.0.9", True),
            (("*",), "tel:+19005551234", False),
            (("*",), "http://x.example", False),
        ],
    )
    def test_domains(self, domains: tuple[str, ...], uri: str, allowed: bool) -> None:
        tour = Tour(domains=domains)
        assert tour.targets.allows(parse_uri(uri)) is allowed
        tour.next()
        assert (tour.redirected(uri) == "") is allowed

    def test_what_policy_refuses_is_passed_over(self) -> None:
        assert Tour(domains=("x",)).follow("sip:a@y", "sip:b@x") == ["sip:b@x"]

    def test_why_nothing_is_left(self) -> None:
        tour = Tour(domains=("x",))
        tour.next()
        assert tour.redirected("sip:a@y") == "policy allows none of its Contacts"

    def test_sips_does_not_become_sip(self) -> None:
        tour = Tour("sips:bob@x")
        assert tour.follow("sip:a@x", "sips:b@x") == ["sips:b@x"]
        assert Tour("sips:bob@x", downgrade=True).follow("sip:a@x") == ["sip:a@x"]

    def test_sips_does_not_become_sip_by_way_of_sip(self) -> None:
        """What counts is the original: a downgrade that was allowed once allows no second."""
        tour = Tour("sips:bob@x", follow=lambda _, found: found)
        tour.next()
        tour.redirected("sip:a@x")
        tour.next()
        assert not tour.targets.allows(parse_uri("sip:b@x"))

    @pytest.mark.parametrize("how", [{"follow": False}, {"follow": None}])
    def test_nothing_is_followed(self, how: dict[str, Any]) -> None:
        tour = Tour(**how)
        if how["follow"] is None:
            tour.targets = Targets(
                parse_uri(BOB), RedirectPolicy(follow=False), RedirectMemory(), None
            )
        tour.next()
        assert tour.redirected("sip:a@x") == "redirects are not followed"

    def test_for_one_request_they_are(self) -> None:
        targets = Targets(parse_uri(BOB), RedirectPolicy(follow=False), RedirectMemory(), True)
        first = targets.next(0.0)
        assert first is not None
        assert targets.add(redirect("sip:a@x"), first, 0.0) == ""

    def test_headers_of_the_uri_that_are_honoured(self) -> None:
        tour = Tour()
        tour.next()
        tour.redirected(
            "sip:a@x?Subject=hi%20there&Route=%3Csip:evil%40y%3E&From=x&Call-ID=y&Via=z&Require=q"
            "&Priority=urgent%0d%0aEvil:%20x&Authorization=secret&body=b"
        )
        tour.next()
        assert tour.at is not None
        assert tour.at.headers == (("Subject", "hi there"),)

    def test_a_list_grows_and_a_single_value_is_overwritten(self) -> None:
        headers = (("Subject", "old"), ("Call-Info", "<a>"), ("Allow", "INVITE"))
        asked = (("subject", "new"), ("call-info", "<b>"))
        assert with_headers(headers, asked) == (
            ("Call-Info", "<a>"), ("Allow", "INVITE"), ("subject", "new"), ("call-info", "<b>"),
        )  # fmt: skip


class TestCallback:
    def test_it_chooses(self) -> None:
        seen: list[tuple[int, list[str]]] = []

        def choose(response: Response, found: tuple[NameAddr, ...]) -> Iterable[NameAddr]:
            seen.append((response.status, [each.uri_text for each in found]))
            return found[::-1]

        tour = Tour(follow=choose, domains=())
        assert tour.follow("<sip:a@x>;q=0.2", "sip:b@y", BOB) == ["sip:a@x", "sip:b@y"]
        assert seen == [(302, ["sip:b@y", "sip:a@x"])]

    @pytest.mark.parametrize("answer", [None, ()])
    def test_it_follows_nothing(self, answer: tuple[NameAddr, ...] | None) -> None:
        tour = Tour(follow=lambda *_: answer)
        tour.next()
        assert tour.redirected("sip:a@x") == "the application follows none of its Contacts"

    def test_it_may_not_lead_in_circles(self) -> None:
        back = contacts_of(redirect(BOB))
        tour = Tour(follow=lambda *_: back)
        tour.next()
        assert "none" in tour.redirected("sip:a@x")

    def test_it_may_not_go_on_for_ever(self) -> None:
        tour = Tour(follow=lambda _, found: found, depth=1)
        tour.next()
        assert tour.redirected("sip:a@x") == ""
        tour.next()
        assert "in a row" in tour.redirected("sip:b@x")


class TestMemory:
    EXPIRES = (("Expires", "60"),)

    def learned(self, *contacts: str, headers: Headers = EXPIRES, **how: Any) -> Tour:
        """Return a tour in whose memory a redirect of bob's stands."""
        tour = Tour(**how)
        tour.follow(*contacts, headers=headers)
        return Tour(memory=tour.memory, **how)

    def test_an_expires_header(self) -> None:
        tour = self.learned("sip:a@x")
        assert tour.rest() == ["sip:a@x", BOB]

    def test_an_expires_parameter_counts_before_it(self) -> None:
        tour = self.learned("<sip:a@x>;expires=10", "sip:b@x")
        tour.now += 10
        assert tour.rest() == ["sip:b@x", BOB]

    @pytest.mark.parametrize(
        ("contact", "headers"),
        [
            ("sip:a@x", ()),
            ("<sip:a@x>;expires=0", EXPIRES),
            ("<sip:a@x>;expires=soon", EXPIRES),
            ("sip:a@x", (("Expires", "-1"),)),
            ("sip:a@x", (("Expires", "99999999999"),)),
            ("sip:a@x", (("Expires", "1\u0661"),)),
        ],
    )
    def test_without_a_sound_expiry_nothing_is_remembered(
        self, contact: str, headers: Headers
    ) -> None:
        tour = self.learned(contact, headers=headers)
        assert tour.rest() == [BOB]
        assert tour.memory is not None
        assert len(tour.memory) == 0

    @pytest.mark.parametrize("status", [300, 301, 305])
    def test_only_a_302_is(self, status: int) -> None:
        tour = Tour()
        tour.follow("sip:a@x", status=status, headers=self.EXPIRES)
        assert Tour(memory=tour.memory).rest() == [BOB]

    def test_not_longer_than_it_says(self) -> None:
        tour = self.learned("sip:a@x")
        tour.now += 60
        assert tour.rest() == [BOB]
        assert tour.memory is not None
        assert len(tour.memory) == 0

    def test_how_long_is_told(self) -> None:
        tour = Tour()
        tour.next()
        tour.redirected("<sip:a@x>;expires=7")
        tour.next()
        assert tour.at is not None
        assert (tour.at.seconds, tour.at.status, tour.at.remembered) == (7, 302, False)

    def test_an_expiry_is_no_promise_for_ever(self) -> None:
        tour = self.learned("sip:a@x", headers=[("Expires", "4294967295")])
        tour.now += 604_800
        assert tour.rest() == [BOB]

    def test_the_answer_of_today_replaces_that_of_yesterday(self) -> None:
        tour = self.learned("sip:a@x")
        assert tour.rest() == ["sip:a@x", BOB]
        again = Tour(memory=tour.memory, follow=lambda _, found: found)
        again.follow("sip:b@x", headers=self.EXPIRES)
        assert Tour(memory=tour.memory).rest() == ["sip:b@x", BOB]
        once = Tour(memory=tour.memory, follow=lambda _, found: found)
        once.follow("sip:c@x")
        assert Tour(memory=tour.memory).rest() == [BOB]

    def test_the_original_is_tried_once_after_it(self) -> None:
        tour = self.learned("sip:a@x")
        assert tour.next() == "sip:a@x"
        assert tour.at is not None
        assert tour.at.remembered
        tour.targets.failed(tour.at)
        assert tour.next() == BOB
        assert "has been" in tour.redirected("sip:a@x")
        assert tour.redirected("sip:b@x") == ""
        assert tour.rest() == ["sip:b@x"]

    def test_what_failed_is_forgotten(self) -> None:
        tour = self.learned("sip:a@x")
        tour.next()
        assert tour.at is not None
        tour.targets.failed(tour.at)
        assert Tour(memory=tour.memory).rest() == [BOB]

    def test_a_failure_of_what_was_asked_for_forgets_nothing(self) -> None:
        tour = Tour()
        tour.next()
        tour.redirected("sip:a@x", headers=self.EXPIRES)
        tour.next()
        assert tour.at is not None
        tour.targets.failed(tour.at)
        assert len(Tour(memory=tour.memory).rest()) == 2

    def test_one_remembered_may_lead_to_another(self) -> None:
        tour = Tour()
        tour.next()
        tour.redirected("sip:a@x", headers=self.EXPIRES)
        tour.next()
        tour.redirected("sip:b@x", headers=self.EXPIRES)
        assert Tour(memory=tour.memory).rest() == ["sip:b@x", "sip:a@x", BOB]
        assert Tour(memory=tour.memory, depth=1).rest() == ["sip:a@x", BOB]

    def test_policy_holds_for_it(self) -> None:
        tour = self.learned("sip:a@x", "sip:b@y")
        assert Tour(memory=tour.memory, domains=("y",)).rest() == ["sip:b@y", BOB]
        assert Tour(memory=tour.memory, domains=()).rest() == [BOB]

    @pytest.mark.parametrize("follow", [False, lambda _, found: found])
    def test_who_decides_for_themselves_is_asked_each_time(self, follow: Follow) -> None:
        tour = self.learned("sip:a@x")
        assert Tour(memory=tour.memory, follow=follow).rest() == [BOB]

    def test_only_what_was_chosen_is_remembered(self) -> None:
        tour = Tour(follow=lambda _, found: found[1:])
        tour.follow("sip:a@x", "sip:b@x", headers=self.EXPIRES)
        assert Tour(memory=tour.memory).rest() == ["sip:b@x", BOB]

    def test_nothing_within_a_dialog(self) -> None:
        tour = Tour(within=True)
        tour.follow("sip:a@x", headers=self.EXPIRES)
        assert tour.at is None
        target = Target(parse_uri("sip:a@x"), source=parse_uri(BOB), remembered=True)
        tour.targets.failed(target)
        assert tour.memory is None

    def test_it_is_bounded(self) -> None:
        memory = RedirectMemory()
        contact = contacts_of(redirect("sip:a@x"))[0]
        for number in range(1005):
            memory.keep(parse_uri(f"sip:{number}@x"), 302, [(contact, 60)], 0.0)
        assert len(memory) == 1000
        assert memory.recall(parse_uri("sip:0@x"), 1.0) == ()
        assert memory.recall(parse_uri("sip:1004@x"), 1.0)
