"""Who may do what: the default policy, handlers of one's own, and what they can do wrong."""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
from collections.abc import Awaitable, Callable, Generator
from ipaddress import ip_network
from typing import Any

import pytest
from tests.unit.proxy.world import ALICE, BOB, DOMAIN, Dialog, Phone, World

from ringway.auth import Account, Answerer, Authenticator, AuthSettings, Users, make_user
from ringway.endpoint import Abandon, Kind, Run
from ringway.message import Request
from ringway.server.admission import Admission
from ringway.server.limits.guard import Guard, GuardSettings
from ringway.server.policy import (
    Accept,
    Calls,
    Choice,
    Handler,
    Incoming,
    May,
    Peer,
    Redirect,
    Reject,
    Rules,
    default_policy,
)
from ringway.transport.flow import Flow

PASSWORD = "secret"


def guarded(
    handler: Handler | None = None,
    *,
    peer: Peer | None = None,
    users: tuple[str, ...] = ("alice", "bob"),
    third_party: frozenset[str] = frozenset(),
    calls: Calls = Calls.EVERYONE,
    edge: bool = False,
    may_relay: bool = False,
    most: int = 100,
    **settings: Any,
) -> World:
    """Nodes whose registrar asks for passwords."""
    world = World(edge=edge, **settings)
    core = world.core.core
    known = Users(make_user(name, DOMAIN, PASSWORD) for name in users)
    rules = Rules(frozenset({DOMAIN}), calls, third_party, may_relay)

    def peers(flow: Flow) -> Peer | None:
        return peer if flow.remote.host == "10.0.5.5" else None

    core.admission = Admission(
        world.core.endpoint,
        core,
        handler,
        default=default_policy(rules),
        authenticator=Authenticator(known, [DOMAIN], AuthSettings(), bytes(32)) if users else None,
        peers=peers,
        is_ours=core.proxy.is_ours,
        synonyms=core.proxy.settings.synonyms,
        seconds=5,
        most=most,
    )
    return world


class Known:
    """A phone that answers challenges."""

    def __init__(self, phone: Phone, name: str, password: str = PASSWORD) -> None:
        self.phone = phone
        count = itertools.count()
        self.answerer = Answerer([Account(name, password)], lambda: f"c{next(count)}")

    def ask(self, method: str, uri: str, **how: Any) -> int:
        """Send a request, answer one challenge, and return the last status."""
        how.setdefault("call_id", f"{method}-{self.phone.address}-{self.phone.cseq}")
        headers = list(how.pop("headers", ()))
        first = self.send(method, uri, headers, **how)
        response = self.phone.responses[-1]
        if response.status not in (401, 407):
            return response.status
        answer = self.answerer.answer(first, response)
        assert answer
        self.credentials = answer[0][1]
        self.send(method, uri, [*headers, *answer], **how)
        return self.phone.responses[-1].status

    def send(self, method: str, uri: str, headers: list[tuple[str, str]], **how: Any) -> Request:
        self.phone.cseq += 1
        request = self.phone.request(method, uri, cseq=self.phone.cseq, headers=headers, **how)
        self.sent = request.to_bytes()
        return request

    def register(self, user: str, **how: Any) -> int:
        aor = f"<sip:{user}@{DOMAIN}>"
        headers = [("Contact", f"<{self.phone.contact}>")]
        return self.ask(
            "REGISTER", f"sip:{DOMAIN}", from_=f"{aor};tag=r", to=aor, headers=headers, **how
        )


def known(world: World, name: str, password: str = PASSWORD) -> Known:
    return Known(world.caller(name), name, password)


class TestRegistering:
    """RFC 3261 §10.3 steps 3 and 4."""

    @pytest.mark.clause("RFC3261-10.3-9")
    def test_a_stranger_is_challenged(self) -> None:
        world = guarded()
        phone = world.phone(register=False)
        response = phone.register(status=401)
        challenges = response.values("www-authenticate")
        assert [each.partition("algorithm=")[2].split(",")[0] for each in challenges] == [
            "SHA-256",
            "SHA-512-256",
            "MD5",
        ]
        assert world.core.bindings() == ()

    def test_a_challenge_is_told_as_one(self) -> None:
        world = guarded()
        world.phone(register=False).register(status=401)
        [told] = [each for each in world.core.decisions if each.status == 401]
        assert (told.kind, told.text) == (Kind.CHALLENGE, "no credentials")

    def test_a_user_registers(self) -> None:
        world = guarded()
        assert known(world, "bob").register("bob") == 200
        assert len(world.core.bindings()) == 1

    def test_a_wrong_password_is_challenged_again(self) -> None:
        world = guarded()
        phone = known(world, "bob", "wrong")
        assert phone.register("bob") == 401
        assert "stale=true" not in phone.phone.responses[-1].values("www-authenticate")[0]
        assert world.core.bindings() == ()

    def test_an_unknown_user_looks_like_a_wrong_password(self) -> None:
        def answers(name: str) -> list[str]:
            phone = known(guarded(), name, "wrong")
            phone.register(name)
            return [
                # The tag is a keyed hash, and tells nobody anything.
                re.sub(r"tag=s\.[0-9a-f]+", "", response.to_bytes().decode().replace(name, "NAME"))
                for response in phone.phone.responses
            ]

        assert answers("bob") == answers("eve")

    @pytest.mark.clause("RFC3261-10.3-10", "RFC3261-10.3-11")
    def test_nobody_registers_another(self) -> None:
        world = guarded()
        assert known(world, "alice").register("bob") == 403
        assert world.core.bindings() == ()

    def test_unless_allowed_to(self) -> None:
        world = guarded(third_party=frozenset({ALICE}))
        assert known(world, "alice").register("bob") == 200

    def test_credentials_are_taken_once(self) -> None:
        world = guarded()
        phone = known(world, "bob")
        phone.register("bob")
        phone.phone.send_raw(phone.sent.replace(b"branch=", b"branch=z9hG4bK-again"))
        assert phone.phone.statuses[-1] == 401
        assert "stale=true" in phone.phone.responses[-1].values("www-authenticate")[0]

    def test_behind_an_edge(self) -> None:
        world = guarded(edge=True)
        phone = Known(world.phone(register=False), "bob")
        assert phone.register("bob") == 200


class TestCalling:
    """RFC 3261 §22.3."""

    @pytest.mark.clause("RFC3261-16.3-13")
    def test_a_call_is_challenged_by_the_proxy(self) -> None:
        world = guarded()
        assert known(world, "bob").register("bob") == 200
        alice = world.caller()
        alice.invite("bob")
        assert alice.statuses[-1] == 407
        assert alice.responses[-1].has("proxy-authenticate")

    def test_a_user_calls(self) -> None:
        world = guarded()
        bob = known(world, "bob")
        bob.register("bob")
        alice = known(world, "alice")
        assert alice.ask("MESSAGE", BOB, from_=f"<{ALICE}>;tag=a") == 407 or bob.phone.requests
        assert bob.phone.methods[-1] == "MESSAGE"

    def test_nobody_calls_in_the_name_of_another(self) -> None:
        world = guarded()
        alice = known(world, "alice")
        assert alice.ask("MESSAGE", BOB, from_=f"<{BOB}>;tag=a") == 403

    def test_anonymity_is_no_other_name(self) -> None:
        world = guarded()
        bob = known(world, "bob")
        bob.register("bob")
        alice = known(world, "alice")
        alice.ask("MESSAGE", BOB, from_='"Anonymous" <sip:anonymous@anonymous.invalid>;tag=a')
        assert bob.phone.methods[-1] == "MESSAGE"

    def test_our_credentials_go_no_further(self) -> None:
        world = guarded()
        bob = known(world, "bob")
        bob.register("bob")
        known(world, "alice").ask("MESSAGE", BOB, from_=f"<{ALICE}>;tag=a")
        assert not bob.phone.requests[-1].has("proxy-authorization")

    def test_nor_those_of_a_call_that_is_up(self) -> None:
        """Phones put them into ACK and BYE as well (RFC 3261 §22.1)."""
        world = guarded()
        bob = known(world, "bob")
        bob.register("bob")
        alice = known(world, "alice")
        headers = [("Contact", f"<{alice.phone.contact}>")]
        alice.ask("INVITE", BOB, from_=f"<{ALICE}>;tag=a", headers=headers)
        bob.phone.accept(bob.phone.requests[-1])
        dialog = Dialog.of_caller(alice.phone.responses[-1])
        foreign = 'Digest username="alice", realm="other.example", nonce="n", response="r"'
        for method in ("ACK", "BYE"):
            mine = [each for each in (alice.credentials, foreign) if each]
            proofs = [("Proxy-Authorization", each) for each in mine]
            cseq = dialog.cseq if method == "ACK" else 0
            alice.phone.within(dialog, method, cseq=cseq, headers=proofs)
            assert bob.phone.methods[-1] == method
            assert bob.phone.requests[-1].values("proxy-authorization") == (foreign,)

    def test_others_may_call_in_if_configured(self) -> None:
        world = guarded(calls=Calls.OURS)
        bob = known(world, "bob")
        bob.register("bob")
        world.caller().request("MESSAGE", BOB, from_="<sip:carol@elsewhere.example>;tag=c")
        assert bob.phone.methods[-1] == "MESSAGE"
        alice = world.caller("alice", "10.0.2.2")
        alice.request("MESSAGE", BOB, from_=f"<{ALICE}>;tag=a")
        assert alice.statuses == [407]

    def test_other_domains_are_for_users_only(self) -> None:
        for calls in Calls:
            world = guarded(calls=calls)
            stranger = world.caller()
            stranger.request("INVITE", "sip:x@elsewhere.example", from_="<sip:c@e.example>;tag=c")
            assert stranger.statuses[-1] == 407
            assert (
                known(world, "alice").ask(
                    "MESSAGE", "sip:x@elsewhere.example", from_=f"<{ALICE}>;tag=a"
                )
                == 403
            )

    def test_are_you_there_needs_no_password(self) -> None:
        caller = guarded().caller()
        caller.request("OPTIONS", f"sip:{DOMAIN}")
        assert caller.statuses == [200]

    def test_a_call_that_is_up_is_not_challenged(self) -> None:
        world = guarded(edge=True)
        bob = Known(world.phone(register=False), "bob")
        bob.register("bob")
        alice = known(world, "alice")
        headers = [("Contact", f"<{alice.phone.contact}>")]
        alice.ask("INVITE", BOB, from_=f"<{ALICE}>;tag=a", headers=headers)
        bob.phone.accept(bob.phone.requests[-1])
        dialog = Dialog.of_caller(alice.phone.responses[-1])
        alice.phone.within(dialog, "ACK", cseq=dialog.cseq)
        alice.phone.within(dialog, "BYE")
        assert bob.phone.methods[-2:] == ["ACK", "BYE"]


class TestPeers:
    def trunk(self, *may: May) -> tuple[World, Phone, Known]:
        world = guarded(peer=Peer("trunk", frozenset(may)))
        bob = known(world, "bob")
        bob.register("bob")
        return world, world.caller("trunk", "10.0.5.5"), bob

    def test_one_that_may_call(self) -> None:
        _, trunk, bob = self.trunk(May.CALL)
        trunk.request("MESSAGE", BOB, from_="<sip:+49301@carrier.example>;tag=t")
        assert bob.phone.methods[-1] == "MESSAGE"

    def test_one_that_may_not(self) -> None:
        _, trunk, _ = self.trunk(May.REGISTER)
        trunk.request("MESSAGE", BOB, from_="<sip:+49301@carrier.example>;tag=t")
        assert trunk.statuses == [407]

    def test_one_that_may_call_may_not_relay(self) -> None:
        _, trunk, _ = self.trunk(May.CALL)
        trunk.request("MESSAGE", "sip:x@elsewhere.example", from_="<sip:a@carrier.example>;tag=t")
        assert trunk.statuses == [407]

    def test_one_that_may_register(self) -> None:
        world, trunk, _ = self.trunk(May.REGISTER)
        trunk.user = "alice"
        trunk.register()
        assert len(world.core.bindings("alice")) == 1


class TestBans:
    """Whose failures count, by what their credentials have shown; see `Guard.answered`."""

    SETTINGS = GuardSettings(lag=0, request_rate=0, ban_failures=10, ban_window=3600)

    def guard(self, world: World) -> Guard:
        world.edge.endpoint.gate = guard = Guard(self.SETTINGS, lambda: 0, {})
        return guard

    def test_a_user_who_guesses_the_passwords_of_others(self) -> None:
        world = guarded()
        guard = self.guard(world)
        alice = known(world, "alice")
        for _ in range(10):
            assert (alice.register("alice"), len(guard.bans)) == (200, 0)
            Known(alice.phone, "bob", "guess").register("bob")
        assert len(guard.bans) == 1

    def test_a_wrong_user_counts_as_a_wrong_password_does(self) -> None:
        def failures(name: str) -> float:
            world = guarded()
            guard = self.guard(world)
            phone = known(world, name, "guess")
            assert phone.register(name) == 401
            source = guard.sources.known(phone.phone.address.host)
            assert source is not None
            return source.failures

        assert failures("bob") == failures("eve") == 1.0

    def test_a_wrong_password_with_a_nonce_of_ones_own_is_a_guess_too(self) -> None:
        """Stale is said to who knows the password, so asking with any nonce is a guess."""
        world = guarded()
        guard = self.guard(world)
        alice = known(world, "alice", "guess")
        alice.register("alice")
        for number in range(9):
            forged = re.sub(rb'nonce="[^"]*"', b'nonce="made-up"', alice.sent)
            alice.phone.send_raw(forged.replace(b"branch=", b"branch=z9hG4bK-%d" % number))
        assert len(guard.bans) == 1

    @pytest.mark.parametrize("edge", [False, True])
    def test_old_nonces_cost_nothing_in_the_end(self, *, edge: bool) -> None:
        """An edge knows it of its registrar."""
        world = guarded(edge=edge)
        guard = self.guard(world)
        bob = Known(world.phone(register=False), "bob")
        for number in range(200):
            assert bob.register("bob") == 200
            bob.phone.send_raw(bob.sent.replace(b"branch=", b"branch=z9hG4bK-%d" % number))
            assert "stale=true" in bob.phone.responses[-1].values("www-authenticate")[0]
        assert len(guard.bans) == 0

    def test_guesses_count_at_an_edge(self) -> None:
        world = guarded(edge=True)
        guard = self.guard(world)
        bob = Known(world.phone(register=False), "bob")
        for _ in range(10):
            assert (bob.register("bob"), len(guard.bans)) == (200, 0)
            Known(bob.phone, "alice", "guess").register("alice")
        assert len(guard.bans) == 1

    @pytest.mark.parametrize("edge", [False, True])
    def test_wrong_numbers_of_users(self, *, edge: bool) -> None:
        world = guarded(edge=edge)
        guard = self.guard(world)
        alice = Known(world.phone("alice", register=False), "alice")
        assert alice.register("alice") == 200
        for number in range(30):
            away = f"sip:nobody-{number}@{DOMAIN}"
            assert alice.ask("MESSAGE", away, from_=f"<{ALICE}>;tag=a") in {404, 480}
            assert alice.ask("MESSAGE", BOB, from_=f"<{BOB}>;tag=a") == 403
        assert len(guard.bans) == 0

    def test_a_handler_that_fails_hides_no_guess(self) -> None:
        def look(call: Incoming) -> Choice:
            if call.user is None and call.request.has("authorization"):
                raise ValueError
            return call.challenge()

        world = guarded(look)
        guard = self.guard(world)
        assert known(world, "bob", "guess").register("bob") == 500
        for _ in range(9):
            known(world, "bob", "guess").register("bob")
        assert len(guard.bans) == 1

    def test_nor_does_one_that_waits(self) -> None:
        async def look(call: Incoming) -> Choice:
            raise ValueError(call.user)

        world = guarded(look)
        guard = self.guard(world)
        runs: list[Any] = []
        world.core.perform = runs.append
        wrong = 'Digest username="bob", realm="ringway.test", nonce="n", uri="sip:ringway.test", '
        wrong += 'response="0", algorithm=MD5, cnonce="c", qop=auth, nc=00000001'
        caller = world.caller()
        for number in range(10):
            proof = ("Authorization", wrong)
            caller.request("REGISTER", f"sip:{DOMAIN}", headers=[proof], cseq=number + 1)
            (run,) = [each for each in runs if isinstance(each, Run)]
            runs.clear()
            with pytest.raises(ValueError, match="None") as fault:
                next(iter(run.work().__await__()))
            run.done(None, fault.value, world.now)
            world.pump()
        assert len(guard.bans) == 1

    def test_a_handler_that_asks_without_a_look_hides_none_either(self) -> None:
        world = guarded(lambda call: call.challenge())
        guard = self.guard(world)
        for _ in range(20):
            assert known(world, "bob").register("bob") == 403
        assert len(guard.bans) == 0
        for _ in range(10):
            known(world, "bob", "guess").register("bob")
        assert len(guard.bans) == 1


class TestHandlers:
    def asked(self, choose: Callable[[Incoming], Choice], **how: Any) -> tuple[World, Phone]:
        world = guarded(choose, **how)
        return world, world.caller()

    def test_redirect(self) -> None:
        _, alice = self.asked(lambda call: call.redirect("sip:bob@hotel.example"))
        alice.invite("bob")
        assert alice.statuses == [302]
        assert alice.responses[0].contacts[0].uri_text == "sip:bob@hotel.example"

    def test_redirect_to_where_it_is_going_anyway(self) -> None:
        _, alice = self.asked(lambda call: call.redirect(BOB))
        alice.invite("bob")
        assert alice.statuses == [500]

    def test_reject(self) -> None:
        _, alice = self.asked(lambda call: call.reject(603, "not today"))
        alice.invite("bob")
        assert alice.statuses == [603]

    def test_rewrite(self) -> None:
        world, alice = self.asked(
            lambda call: call.accept(BOB) if call.method == "INVITE" else call.accept()
        )
        bob = world.phone()
        alice.invite("nobody")
        assert bob.requests[-1].uri_text == f"{bob.contact};ob"

    def test_challenge_without_users(self) -> None:
        _, alice = self.asked(lambda call: call.challenge(), users=())
        alice.invite("bob")
        assert alice.statuses == [403]

    def test_challenge_of_somebody_known(self) -> None:
        world, _ = self.asked(lambda call: call.challenge())
        assert known(world, "alice").ask("MESSAGE", BOB, from_=f"<{ALICE}>;tag=a") == 403

    @pytest.mark.parametrize(
        "choose",
        [
            lambda _call: 1 / 0,
            lambda _call: None,
            lambda _call: Accept("sip:"),
            lambda _call: Redirect(()),
            lambda _call: Redirect((("sip:x@example.com", 1.0),), 404),
        ],
    )
    def test_a_fault_costs_its_request_alone(
        self, choose: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        faulty = [True]
        world, alice = self.asked(
            lambda call: choose(call) if faulty and call.method == "INVITE" else call.accept()
        )
        bob = world.phone()
        with caplog.at_level(logging.ERROR):
            alice.invite("bob")
        assert alice.statuses == [500]
        assert caplog.records[0].exc_info
        faulty.clear()
        alice.invite("bob", cseq=9, call_id="another")
        assert bob.methods[-1] == "INVITE"

    def test_a_request_that_cannot_be_read_is_the_senders_fault(self) -> None:
        _, alice = self.asked(lambda call: call.reject(403, str(call.request.contacts)))
        alice.request("MESSAGE", BOB, headers=[("Contact", "<sip:[>")])
        assert alice.statuses == [400]


class TestHandlersThatWait:
    """An `async` handler: its request is parked."""

    def parked(self) -> tuple[World, Phone, Run]:
        async def decide(call: Incoming) -> Choice:
            return call.accept()

        world = guarded(decide)
        commands: list[Any] = []
        world.core.perform = commands.append
        alice = world.caller()
        alice.invite("bob")
        (run,) = [each for each in commands if isinstance(each, Run)]
        self.commands = commands
        return world, alice, run

    @staticmethod
    async def _nothing() -> None:
        """Only to be awaited."""

    def finish(
        self, world: World, run: Run, result: object, error: Exception | None = None
    ) -> None:
        work: Awaitable[object] = run.work()
        getattr(work, "close", lambda: None)()
        run.done(result, error, world.now)
        world.pump()

    def test_it_waits_and_goes_on(self) -> None:
        world, alice, run = self.parked()
        assert alice.statuses == []
        world.advance(0.2)
        assert alice.statuses == [100]  # RFC 3261 §17.2.1
        assert run.seconds == 5
        self.finish(world, run, Accept())
        assert alice.statuses[-1] == 480
        assert len(world.core.core.admission or ()) == 0

    def test_one_that_takes_too_long(self, caplog: pytest.LogCaptureFixture) -> None:
        world, alice, run = self.parked()
        self.finish(world, run, None, TimeoutError())
        assert alice.statuses[-1] == 500
        assert "took too long" in caplog.text

    def test_a_cancel_ends_the_wait(self) -> None:
        world, alice, run = self.parked()
        invite = world.core  # the INVITE is parked there
        assert len(invite.core.admission or ()) == 1
        sent = alice.requests
        assert sent == []
        alice.request(
            "CANCEL",
            BOB,
            branch="z9hG4bK-10.0.2.1-1",
            call_id="call-10.0.2.1-1",
            from_=f"<{ALICE}>;tag=alice",
        )
        assert sorted(alice.statuses) == [200, 487]
        assert any(isinstance(each, Abandon) and each.key is run.key for each in self.commands)
        assert len(invite.core.admission or ()) == 0
        getattr(run.work(), "close", lambda: None)()

    def test_a_refusal_in_time_is_said_once(self) -> None:
        """Whose address stands on the INVITE may not have asked (RFC 3261 §26.3.2.4)."""
        world, alice, run = self.parked()
        world.advance(0.1)
        self.finish(world, run, Reject(403))
        world.advance(60)
        assert alice.statuses == [403]

    def test_the_end_of_the_server_ends_the_wait(self) -> None:
        world, alice, run = self.parked()
        world.advance(1)
        world.core.core.abandon(7, world.now)
        world.pump()
        assert alice.statuses == [100, 503]
        assert alice.responses[-1].get("retry-after") == "7"
        assert any(isinstance(each, Abandon) and each.key is run.key for each in self.commands)
        assert len(world.core.core.admission or ()) == 0
        getattr(run.work(), "close", lambda: None)()

    @pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
    def test_only_so_many_wait(self, method: str) -> None:
        """They are a memory of their own: each has a handler at work."""
        begun: list[str] = []

        async def decide(call: Incoming) -> Choice:
            begun.append(call.method)
            return call.accept()

        world = guarded(decide, most=2)
        commands: list[Any] = []
        world.core.perform = commands.append
        alice = world.caller()
        for _ in range(3):
            alice.request(method, BOB)
        runs = [each for each in commands if isinstance(each, Run)]
        assert len(runs) == len(world.core.core.admission or ()) == 2
        (refusal,) = [each for each in alice.responses if each.status == 503]
        assert refusal.get("retry-after") == "5"
        assert world.core.endpoint.counters.over["handlers"] == 1
        self.finish(world, runs[0], Accept())
        alice.request(method, BOB)
        assert len(world.core.core.admission or ()) == 2
        for run in commands:
            if isinstance(run, Run):
                getattr(run.work(), "close", lambda: None)()

    def test_one_too_many_that_is_a_future_is_cancelled(self) -> None:
        loop = asyncio.new_event_loop()
        future: asyncio.Future[Choice] = loop.create_future()
        world = guarded(lambda _: future, most=0)
        alice = world.caller()
        alice.invite("bob")
        assert alice.statuses == [503]
        assert future.cancelled()
        loop.close()

    def test_one_too_many_that_can_only_be_awaited(self) -> None:
        class Work:
            def __await__(self) -> Generator[Any, None, Choice]:
                raise AssertionError("nobody awaits it")

        world = guarded(lambda _: Work(), most=0)
        alice = world.caller()
        alice.invite("bob")
        assert alice.statuses == [503]


class TestStrangers:
    """Failures of calls that need no password: RFC 3261 §26.3.2.4."""

    def world(self, *, exempt: bool = False) -> World:
        world = guarded(calls=Calls.OURS)
        networks = (ip_network("10.0.2.0/24"),) if exempt else ()
        settings = GuardSettings(exempt=networks, lag=0)
        world.core.endpoint.gate = Guard(settings, lambda: 0, {})
        return world

    def call(self, world: World, **how: Any) -> Phone:
        caller = world.caller("x")
        caller.invite("bob", from_="<sip:x@elsewhere.example>;tag=x", **how)
        return caller

    def test_one_to_somebody_who_is_away_is_said_once(self) -> None:
        world = self.world()
        caller = self.call(world)
        world.advance(60)
        assert caller.statuses == [480]

    def test_so_is_a_redirect(self) -> None:
        world = self.world()
        world.redirect("bob", "sip:bob@hotel.example")
        caller = self.call(world)
        world.advance(60)
        assert caller.statuses == [302]

    def test_and_again_when_it_is_asked_again(self) -> None:
        world = self.world()
        caller = self.call(world, branch="z9hG4bK-same", call_id="same")
        caller.invite(
            "bob", from_="<sip:x@elsewhere.example>;tag=x", branch="z9hG4bK-same", call_id="same"
        )
        assert caller.statuses == [480, 480]

    def test_one_that_rang_is_repeated_until_its_ack(self) -> None:
        """Nobody repeats an INVITE that has had a provisional response (RFC 3261 §17.1.1.2)."""
        world = self.world()
        bob = world.phone(register=False)
        assert Known(bob, "bob").register("bob") == 200
        caller = self.call(world)
        bob.answer(bob.requests[0], 180)
        bob.answer(bob.requests[0], 486)
        world.advance(10)
        assert caller.statuses[:2] == [180, 486]
        assert caller.statuses.count(486) > 3

    @pytest.mark.parametrize("exempt", [False, True])
    def test_who_is_exempt_is_no_stranger(self, *, exempt: bool) -> None:
        world = self.world(exempt=exempt)
        caller = self.call(world)
        assert (100 in caller.statuses) is exempt

    def test_nor_is_who_has_proved_who_it_is(self) -> None:
        world = self.world()
        alice = Known(world.caller("alice"), "alice")
        assert alice.ask("INVITE", BOB) == 480
        assert 100 in alice.phone.statuses
