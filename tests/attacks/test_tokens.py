"""Flow tokens of others: forged, cut, replayed elsewhere, or in the hands of a stranger.

A token in a Route opens the way to a phone without a password, so it has to come from the call it
was made for (RFC 5626 §5.3, RFC 3261 §16.12). Two servers: all in one, whose Record-Routes the
far end of a call sees, and an edge before a registrar, whose Path the phone sees in its 200.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.attacks.attacker import Phone, credentials
from tests.attacks.victim import DOMAIN, Victim
from tests.interop.wire import Reply

ALICE = f"sip:alice@{DOMAIN}"
SDP = ["Content-Type: application/sdp"]


def routes_of(reply: Reply) -> list[str]:
    """The Record-Routes of a message, as Routes of who got it as a request."""
    return re.findall(r"<[^>]*>", ",".join(reply.values("Record-Route")))


def token_of(route: str) -> str:
    found = re.search(r"sip:([^@>]+)@", route)
    assert found is not None, route
    return found[1]


@dataclass
class Call:
    """A call that was set up over the server, and what its far end knows of it."""

    alice: Phone
    bob: Phone
    invite: Reply
    """As alice got it."""
    answer: Reply
    """As bob got it: an INVITE's 200."""

    @property
    def routes(self) -> list[str]:
        """How bob's phone reaches alice's: the Record-Routes of the 200, reversed."""
        return routes_of(self.answer)[::-1]

    @property
    def call_id(self) -> str:
        return self.answer.get("Call-ID")

    @property
    def to(self) -> str:
        return self.answer.get("To")

    @property
    def contact(self) -> str:
        (contact,) = self.answer.contacts
        return contact.strip("<>")


def with_routes(routes: list[str]) -> list[str]:
    return [f"Route: {route}" for route in routes]


@pytest.fixture
def call(victim: Victim) -> Iterator[Call]:
    """Bob, over TCP, calls alice, over TCP."""
    with (
        Phone("tcp", victim.place("tcp"), user="alice") as alice,
        Phone("tcp", victim.place("tcp"), user="bob") as bob,
    ):
        assert alice.register_proven(number=11).status == 200
        assert bob.register_proven(number=12).status == 200
        yield set_up(alice, bob)


def set_up(alice: Phone, bob: Phone) -> Call:
    contact = [f"Contact: <{bob.contact}>"]
    bob.request("INVITE", ALICE, contact)
    challenge = bob.final()
    bob.ack("INVITE", ALICE, challenge)
    value = credentials(
        challenge.get("Proxy-Authenticate"),
        user="bob",
        secret=bob.secret,
        method="INVITE",
        uri=ALICE,
    )
    bob.request("INVITE", ALICE, [*contact, f"Proxy-Authorization: {value}"])
    invite = alice.read()
    assert invite.method == "INVITE"
    alice.answer(invite, "200 OK", [f"Contact: <{alice.contact}>"])
    answer = bob.final()
    assert answer.status == 200
    found = Call(alice, bob, invite, answer)
    bob.within(
        "ACK",
        found.contact,
        with_routes(found.routes),
        to=answer.get("To"),
        call_id=answer.get("Call-ID"),
    )
    assert alice.read().method == "ACK"
    return found


class TestRecordRoute:
    def test_in_its_own_call_it_leads_to_the_phone(self, call: Call) -> None:
        """The way in that the attacks below abuse."""
        more = with_routes(call.routes)
        call.bob.within(
            "BYE",
            call.contact,
            more,
            to=call.to,
            call_id=call.call_id,
        )
        bye = call.alice.read()
        assert bye.method == "BYE"
        call.alice.answer(bye, "200 OK")
        assert call.bob.final().status == 200

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_in_another_call_it_is_forged(self, victim: Victim, call: Call, transport: str) -> None:
        with Phone(transport, victim.place(transport)) as stranger:
            for method in ("INVITE", "BYE", "MESSAGE", "OPTIONS"):
                for routes in (call.routes, call.routes[:1], call.routes[-1:]):
                    more = with_routes(routes)
                    stranger.within(method, call.contact, more, to=call.to, call_id="another")
                    assert stranger.final().status in {403, 407}
        assert call.alice.hears() is None

    def test_it_is_no_way_to_begin_another_call(self, victim: Victim, call: Call) -> None:
        """Who was called once, or has overheard it, has the token and the Call-ID for ever."""
        with Phone("udp", victim.place()) as stranger:
            for method in ("INVITE", "MESSAGE", "SUBSCRIBE", "REFER", "OPTIONS"):
                for routes in (call.routes, call.routes[:1], call.routes[-1:]):
                    stranger.within(
                        method,
                        call.contact,
                        with_routes(routes),
                        to=f"<{ALICE}>",
                        call_id=call.call_id,
                    )
                    assert stranger.final().status in {403, 407}, method
        assert call.alice.hears() is None

    def test_a_changed_one_is_refused(self, victim: Victim, call: Call) -> None:
        call_id = call.call_id
        with Phone("udp", victim.place()) as stranger:
            for route in call.routes:
                token = token_of(route)
                turned = "A" if token[20] != "A" else "B"
                for changed in (
                    token[:-1],
                    token[:-4],
                    token[:30],
                    token[:10],
                    token + "AAAA",
                    f"{token[:20]}{turned}{token[21:]}",
                    f"{token[:-1]}{'A' if token[-1] != 'A' else 'Q'}",
                    "P" + token[1:],
                    "D" + token[1:],
                    "D" + token[1:17],
                    token[0] + "AA" + token[3:],
                    "alice",
                    "%41" + token[1:],
                ):
                    more = with_routes([route.replace(token, changed)])
                    stranger.within("INVITE", call.contact, more, to=call.to, call_id=call_id)
                    status = stranger.final().status
                    assert status in {400, 403, 407, 480}, (changed, status)
        assert call.alice.hears() is None

    def test_of_another_key_it_is_gone(self, victim: Victim, call: Call) -> None:
        """The key's id is in the clear: one that is not known counts as a flow that is no more."""
        token = token_of(call.routes[0])
        data = bytearray(base64.urlsafe_b64decode(token[1:] + "=" * (-(len(token) - 1) % 4)))
        data[0] ^= 0x55
        other = token[0] + base64.urlsafe_b64encode(bytes(data)).rstrip(b"=").decode()
        with Phone("udp", victim.place()) as stranger:
            stranger.within(
                "BYE",
                call.contact,
                with_routes([call.routes[0].replace(token, other)]),
                to=call.to,
                call_id=call.call_id,
            )
            assert stranger.final().status in {430, 480}
        assert call.alice.hears() is None


@pytest.fixture(scope="class")
def edged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Victim, Victim]]:
    """An edge, and the registrar behind it."""
    folder = tmp_path_factory.mktemp("edge")
    with Victim(folder / "registrar", settings=['role = "registrar"']) as registrar:
        settings = ['role = "edge"', f'registrar = "{registrar.uri(transport="udp")}"']
        transports = ("udp", "tcp", "ws")
        with Victim(folder / "edge", settings=settings, transports=transports, users=None) as edge:
            yield edge, registrar
            assert edge.is_well()
            assert registrar.is_well()


class TestPath:
    """RFC 5626 §5.3: a Path token opens the way to its phone."""

    @pytest.fixture
    def path(self, edged: tuple[Victim, Victim]) -> Iterator[tuple[Phone, str]]:
        edge, _ = edged
        with Phone("tcp", edge.place("tcp"), user="alice") as alice:
            reply = alice.register_proven(number=21)
            assert reply.status == 200
            yield alice, reply.get("Path")

    def test_the_registrar_reaches_the_phone_by_it(
        self, edged: tuple[Victim, Victim], path: tuple[Phone, str]
    ) -> None:
        alice, _ = path
        with Phone("udp", edged[0].place(), user="bob") as bob:
            bob.request("OPTIONS", ALICE)
            challenge = bob.final()
            value = credentials(
                challenge.get("Proxy-Authenticate"),
                user="bob",
                secret=bob.secret,
                method="OPTIONS",
                uri=ALICE,
            )
            bob.request("OPTIONS", ALICE, [f"Proxy-Authorization: {value}"])
            options = alice.read()
            assert options.method == "OPTIONS"
            alice.answer(options, "200 OK")
            assert bob.final().status == 200

    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_a_stranger_at_the_registrar_does_not(
        self, edged: tuple[Victim, Victim], path: tuple[Phone, str], transport: str
    ) -> None:
        alice, route = path
        with Phone(transport, edged[1].place(transport)) as stranger:
            for method in ("INVITE", "MESSAGE", "OPTIONS"):
                for to in (f"<{ALICE}>", f"<{ALICE}>;tag=x"):
                    stranger.within(
                        method, alice.contact, [f"Route: {route}"], to=to, call_id="theirs"
                    )
                    assert stranger.final().status in {403, 407}, method
            assert alice.hears() is None

    def test_who_calls_never_sees_it(
        self, edged: tuple[Victim, Victim], path: tuple[Phone, str]
    ) -> None:
        """At an edge it is all it takes, so only the phone and the registrar have it."""
        alice, route = path
        with Phone("tcp", edged[0].place("tcp"), user="bob") as bob:
            assert bob.register_proven(number=23).status == 200
            call = set_up(alice, bob)
            seen = [call.answer, call.invite]
        own = token_of(route)
        for reply in seen:
            for name, value in reply.headers:
                assert own not in value, name
                assert "sip:P" not in value, name

    def test_a_forged_one_does_not(
        self, edged: tuple[Victim, Victim], path: tuple[Phone, str]
    ) -> None:
        alice, route = path
        token = token_of(route)
        turned = "A" if token[20] != "A" else "B"
        with Phone("udp", edged[0].place()) as stranger:
            for changed in (token[:-1], token[:30], f"{token[:20]}{turned}{token[21:]}"):
                more = [f"Route: {route.replace(token, changed)}"]
                stranger.within("INVITE", alice.contact, more, to=f"<{ALICE}>", call_id="x")
                assert stranger.final().status == 403
            assert alice.hears() is None

    def test_it_ends_with_its_connection(self, edged: tuple[Victim, Victim]) -> None:
        """Nor does it pass to who connects next, from the same address and port even."""
        edge, _ = edged
        with Phone("tcp", edge.place("tcp"), user="carol") as carol:
            route = carol.register_proven(number=22).get("Path")
            port = carol.local[1]
        with Phone("udp", edge.place()) as stranger:
            more = [f"Route: {route}"]
            uri = f"sip:carol@127.0.0.1:{port};transport=tcp"
            stranger.within("INVITE", uri, more, to=f"<sip:carol@{DOMAIN}>", call_id="y")
            assert stranger.final().status in {403, 430, 480}
