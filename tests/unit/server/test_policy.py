"""The default policy under people who look for its holes: names, domains, Routes and marks."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.proxy.world import ALICE, BOB, DOMAIN, Dialog, Phone, World
from tests.unit.server.test_admission import Known, guarded, known

from ringway import auth
from ringway.auth import User, Verdict, make_user
from ringway.endpoint import Run
from ringway.errors import ParseError
from ringway.message import build_request, host_text
from ringway.proxy import Relay
from ringway.server.policy import Calls, Choice, Incoming, May, Peer, open_policy
from ringway.transport.flow import Address, Flow

ELSEWHERE = "sip:x@elsewhere.example"
FOREIGN = "<sip:carol@elsewhere.example>;tag=c"


def with_bob(**how: Any) -> tuple[World, Phone]:
    """Nodes where bob has registered."""
    world = guarded(**how)
    bob = known(world, "bob")
    assert bob.register("bob") == 200
    return world, bob.phone


class Proven:
    """Checks that find everybody to be this user."""

    def __init__(self, user: User) -> None:
        self.user = user

    def verdict(self, _incoming: Incoming) -> Verdict:
        return auth.Known(self.user)


def incoming(address: str, checks: Proven) -> Incoming:
    """A request from and to an address."""
    request = build_request(
        "REGISTER", address, from_=f"<{address}>;tag=1", to=f"<{address}>", call_id="x", cseq=1
    )
    here = Address("192.0.2.1", 5060)
    return Incoming(
        request,
        Flow("udp", here, here),
        ours=True,
        here=False,
        peer=None,
        synonyms={},
        checks=checks,
        default=open_policy,
    )


class TestMarks:
    """What is in a call is let through for that call, and for nothing else (RFC 3261 §16.12)."""

    def called(self) -> tuple[World, Phone, Dialog]:
        """A foreign caller whom bob has answered: it knows the mark of its Call-ID."""
        world, bob = with_bob(calls=Calls.OURS)
        carol = world.caller("carol")
        carol.invite("bob", from_=FOREIGN)
        bob.accept(bob.requests[-1])
        return world, carol, Dialog.of_caller(carol.responses[-1])

    def again(self, carol: Phone, dialog: Dialog, method: str, uri: str, **how: Any) -> int:
        headers = [("Route", route) for route in dialog.routes]
        headers += [("Contact", f"<{carol.contact}>"), ("Expires", "60")]
        how.setdefault("from_", f"<{BOB}>;tag=c")
        how.setdefault("to", f"<{BOB}>")
        carol.request(method, uri, cseq=77, call_id=dialog.call_id, headers=headers, **how)
        return carol.statuses[-1]

    @pytest.mark.parametrize("tag", ["", ";tag=x"])
    def test_it_registers_nobody(self, tag: str) -> None:
        world, carol, dialog = self.called()
        before = world.core.bindings()
        status = self.again(carol, dialog, "REGISTER", f"sip:{DOMAIN}", to=f"<{BOB}>{tag}")
        assert status == 401
        assert world.core.bindings() == before

    def test_it_begins_no_other_call(self) -> None:
        _, carol, dialog = self.called()
        assert self.again(carol, dialog, "MESSAGE", BOB, from_=f"<{ALICE}>;tag=c") == 407

    def test_it_takes_nobody_elsewhere(self) -> None:
        _, carol, dialog = self.called()
        assert self.again(carol, dialog, "MESSAGE", ELSEWHERE) == 407

    def test_a_flow_of_the_call_is_for_the_call(self) -> None:
        """Where the mark names bob's flow, a new request may not take it."""
        world = guarded(calls=Calls.OURS)
        bob = Known(world.phone(register=False), "bob").phone
        Known(bob, "bob").register("bob")
        carol = world.caller("carol")
        carol.invite("bob", from_=FOREIGN)
        bob.accept(bob.requests[-1])
        dialog = Dialog.of_caller(carol.responses[-1])
        assert len(dialog.routes) == 2
        before = len(bob.requests)
        self.again(carol, dialog, "MESSAGE", bob.contact, from_=f"<{ALICE}>;tag=c")
        assert carol.statuses[-1] == 407
        assert len(bob.requests) == before

    def test_the_call_itself_goes_on(self) -> None:
        _, carol, dialog = self.called()
        carol.within(dialog, "ACK", cseq=dialog.cseq)
        carol.within(dialog, "BYE")
        assert 407 not in carol.statuses


class TestRoutes:
    """A Request-URI of ours opens no way past us: a Route goes first (RFC 3261 §16.12)."""

    @pytest.mark.parametrize("calls", list(Calls))
    def test_a_stranger_names_no_next_hop(self, calls: Calls) -> None:
        world, _ = with_bob(calls=calls, relay=Relay.ANY)
        stranger = world.caller()
        route = [("Route", "<sip:10.0.9.9;lr>")]
        stranger.request("MESSAGE", BOB, from_=FOREIGN, headers=route)
        assert stranger.statuses[-1] == 407

    def test_nor_a_peer_that_may_call(self) -> None:
        world, _ = with_bob(peer=Peer("trunk", frozenset({May.CALL})), relay=Relay.ANY)
        trunk = world.caller("trunk", "10.0.5.5")
        trunk.request("MESSAGE", BOB, from_=FOREIGN, headers=[("Route", "<sip:10.0.9.9;lr>")])
        assert trunk.statuses[-1] == 407


class TestRelaying:
    """Who may reach other domains through us: users, where configured, and peers that may."""

    ELSEWHERE = "sip:x@10.0.9.9"

    def elsewhere(self, world: World) -> Phone:
        other = Phone(world.core, "udp", Address("10.0.9.9", 5060))
        world.core.peers["udp", other.address] = other
        return other

    def left(self, world: World, sender: Phone | Known, **how: Any) -> bool:
        """Whether a request to another domain is sent on its way."""
        other = self.elsewhere(world)
        if isinstance(sender, Known):
            sender.ask("MESSAGE", self.ELSEWHERE, **how)
        else:
            sender.request("MESSAGE", self.ELSEWHERE, **how)
        return other.methods == ["MESSAGE"]

    @pytest.mark.parametrize("relay", [False, True])
    def test_a_user_may_where_configured(self, relay: bool) -> None:
        world = guarded(may_relay=relay)
        alice = known(world, "alice")
        assert self.left(world, alice, from_=f"<{ALICE}>;tag=a") == relay
        if not relay:
            assert alice.phone.statuses[-1] == 403

    def test_a_user_may_behind_an_edge(self) -> None:
        """Credentials prove it, not the connection: that is the edge's."""
        world = guarded(edge=True, may_relay=True, relay=Relay.REGISTERED)
        alice = Known(world.phone("alice", register=False), "alice")
        assert alice.register("alice") == 200
        assert self.left(world, alice, from_=f"<{ALICE}>;tag=a")

    @pytest.mark.parametrize("relay", list(Relay))
    def test_a_stranger_never(self, relay: Relay) -> None:
        world = guarded(may_relay=True, relay=relay, calls=Calls.NOBODY)
        stranger = world.caller()
        assert not self.left(world, stranger, from_=FOREIGN)
        assert stranger.statuses == [407]

    @pytest.mark.parametrize("may", list(May))
    def test_a_peer_that_may(self, may: May) -> None:
        world = guarded(peer=Peer("trunk", frozenset({may})))
        trunk = world.caller("trunk", "10.0.5.5")
        assert self.left(world, trunk, from_=FOREIGN) == (may is May.RELAY)

    def test_a_peer_that_may_register_does_so_here_only(self) -> None:
        world = guarded(peer=Peer("trunk", frozenset({May.REGISTER})))
        other = self.elsewhere(world)
        trunk = world.caller("trunk", "10.0.5.5")
        trunk.request("REGISTER", "sip:10.0.9.9", to="<sip:x@10.0.9.9>")
        assert trunk.statuses == [403]
        assert other.requests == []

    def test_where_a_handler_sends_it(self) -> None:
        """The operator has written that address down, so no setting forbids it."""
        world = guarded(lambda call: call.accept(self.ELSEWHERE))
        other = self.elsewhere(world)
        world.caller().invite("112")
        assert other.requests[-1].uri_text == self.ELSEWHERE

    def test_not_where_a_handler_only_lets_it(self) -> None:
        world = guarded(lambda call: call.accept())
        stranger = world.caller()
        assert not self.left(world, stranger, from_=FOREIGN)
        assert stranger.statuses == [403]


class TestNames:
    """Who a sender says it is (RFC 3261 §10.3 step 5, §19.1.4)."""

    @pytest.mark.parametrize(
        "from_",
        [
            "sip:bob@notanonymous.invalid",
            "sip:bob@x.anonymous.invalid",
            "mailto:bob@anonymous.invalid",
            "http://bank.example/anonymous.invalid",
            "tel:+4930123",
            f"sip:Alice@{DOMAIN}",
            f"sip:alice@{DOMAIN}.example",
        ],
    )
    def test_a_user_is_nobody_else(self, from_: str) -> None:
        world, bob = with_bob()
        before = len(bob.requests)
        assert known(world, "alice").ask("MESSAGE", BOB, from_=f"<{from_}>;tag=a") in (400, 403)
        assert len(bob.requests) == before

    @pytest.mark.parametrize(
        "from_",
        [
            f"sip:%61lice@{DOMAIN}",
            f"sip:alice@{DOMAIN.upper()}",
            f"sip:alice@{DOMAIN}.",
            f"sip:alice@{DOMAIN}:5070;user=phone",
            f"sips:alice@{DOMAIN}",
            "sip:anonymous@anonymous.invalid",
            "sip:anonymous@Anonymous.Invalid",
        ],
    )
    def test_a_user_is_itself_in_any_spelling(self, from_: str) -> None:
        world, bob = with_bob()
        known(world, "alice").ask("MESSAGE", BOB, from_=f"<{from_}>;tag=a")
        assert bob.methods[-1] == "MESSAGE"

    @pytest.mark.parametrize("host", [f"{DOMAIN}.", DOMAIN.upper(), "10.0.0.1", "alias.example"])
    def test_every_name_of_our_domain_needs_a_password(self, host: str) -> None:
        """With calls = ours: an alias, or our address, is our domain in other letters."""
        world, bob = with_bob(calls=Calls.OURS, aliases=("alias.example",))
        before = len(bob.requests)
        stranger = world.caller()
        stranger.request("MESSAGE", BOB, from_=f"<sip:alice@{host}>;tag=a")
        assert stranger.statuses == [407]
        assert len(bob.requests) == before

    def test_a_user_may_log_in_with_the_whole_address(self) -> None:
        world = guarded(users=("bob", f"alice@{DOMAIN}"))
        assert Known(world.caller(), f"alice@{DOMAIN}").register("alice") == 200
        assert Known(world.caller(), f"alice@{DOMAIN}").register("bob") == 403

    @pytest.mark.parametrize("realm", ["2001:db8::1", "192.0.2.1"])
    def test_a_domain_may_be_an_address(self, realm: str) -> None:
        proven = Proven(make_user("alice", realm, "secret"))
        call = incoming(f"sip:alice@{host_text(realm)}", proven)
        assert call.user == call.caller == call.callee

    def test_a_name_with_an_at_sign_is_that_name(self) -> None:
        world = guarded(users=("alice@corp.example",))
        phone = Known(world.caller(), "alice@corp.example")
        assert phone.register("alice%40corp.example") == 200
        assert phone.register("alice") == 403


class TestHandlersThatWait:
    """An `async` handler reads a request; what it cannot read is the sender's fault."""

    @pytest.mark.parametrize("status", [400, None])
    def test_a_request_that_cannot_be_read(
        self, caplog: pytest.LogCaptureFixture, status: int | None
    ) -> None:
        async def decide(call: Incoming) -> Choice:
            try:
                return call.reject(403, str(call.request.contacts))
            except ParseError as error:
                error.status = status
                raise

        world = guarded(decide)
        commands: list[Any] = []
        world.core.perform = commands.append
        alice = world.caller()
        alice.request("MESSAGE", BOB, headers=[("Contact", "<sip:[>")])
        (run,) = [each for each in commands if isinstance(each, Run)]
        with pytest.raises(ParseError) as raised:
            run.work().__await__().send(None)
        run.done(None, raised.value, world.now)
        world.pump()
        assert alice.statuses == [400]
        assert caplog.text == ""
