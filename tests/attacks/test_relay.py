"""Strangers who were let into one call, and would like to make others with what it told them.

RFC 3261 §16.12, RFC 5626 §5.3. Everybody has a loopback address of his own: who may send along a
Path is known by address, and a gateway trusts whatever comes from the server's.
"""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.attacks.attacker import Bare, Phone, address, message, replies
from tests.attacks.test_tokens import routes_of
from tests.attacks.victim import DOMAIN, Victim
from tests.interop.wire import Reply

ALICE = f"sip:alice@{DOMAIN}"
STRANGER = "127.0.0.2"
GATEWAY = "127.0.0.3"
TRUNK = "127.0.0.4"


def send(
    stranger: Bare, victim: Victim, method: str, uri: str, *headers: str, to: str, call_id: str
) -> None:
    """Send a request over UDP."""
    data = message(
        method,
        uri,
        via=f"SIP/2.0/UDP {address(stranger.place)};branch={{branch}};rport",
        headers=[*headers, f"Contact: <sip:x@{address(stranger.place)}>"],
        to=to,
        call_id=call_id,
    )
    stranger.send(data, victim.place())


def ask(
    stranger: Bare, victim: Victim, method: str, uri: str, *headers: str, to: str, call_id: str
) -> list[Reply]:
    """Send a request over UDP, and take what comes back."""
    send(stranger, victim, method, uri, *headers, to=to, call_id=call_id)
    return replies(stranger.take())


def say_ok(phone: Phone, method: str) -> None:
    """Say 200 to a request, whatever comes again before it."""
    request = phone.read()
    while request.method != method:
        request = phone.read()
    phone.answer(request, "200 OK", [f"Contact: <{phone.contact}>"])


def last_of(stranger: Bare, method: str) -> Reply:
    """The final response to a request of this method; nothing else is on its way any more."""
    for _ in range(30):
        came = [each for each in replies(stranger.take()) if each.get("CSeq").endswith(method)]
        if came and came[-1].status >= 200:
            return came[-1]
    raise AssertionError(f"no final response to {method}")


@pytest.fixture(scope="module")
def open_to_calls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """Who says that it is from elsewhere may call our users."""
    folder = tmp_path_factory.mktemp("open")
    peer = f'[[peer]]\nname = "trunk"\naddresses = ["{TRUNK}"]'
    with Victim(folder, tables=['[auth]\ncalls = "ours"', peer]) as victim:
        yield victim
        assert victim.is_well()


class TestRelay:
    """A gateway that trusts the server's address, and a caller who needs no password."""

    def test_a_call_is_no_way_to_make_another(self, open_to_calls: Victim) -> None:
        victim, call_id = open_to_calls, uuid.uuid4().hex
        with (
            Phone("udp", victim.place(), user="alice") as alice,
            Bare(STRANGER) as stranger,
            Bare(GATEWAY) as gateway,
        ):
            contact = f"Contact: <{alice.contact}>"  # over UDP, no NAT, no outbound: no flow
            reply = alice.prove("REGISTER", f"sip:{DOMAIN}", [contact], to=alice.aor)
            assert reply.status == 200
            send(stranger, victim, "INVITE", ALICE, to=f"<{ALICE}>", call_id=call_id)
            say_ok(alice, "INVITE")
            answer = last_of(stranger, "INVITE")
            assert answer.status == 200
            routes = [f"Route: {each}" for each in routes_of(answer)]
            within = {"to": answer.get("To"), "call_id": call_id}
            send(stranger, victim, "BYE", alice.contact, *routes, **within)
            say_ok(alice, "BYE")  # it is the way to her
            assert last_of(stranger, "BYE").status == 200
            for uri in (
                f"sip:00900123@{address(gateway.place)}",
                f"{alice.contact};maddr={GATEWAY}",
                f"sip:x@{address(gateway.place)};transport=udp",
            ):
                for method in ("INVITE", "MESSAGE", "REFER", "ACK"):
                    send(stranger, victim, method, uri, *routes, **within)
                    if method != "ACK":
                        assert last_of(stranger, method).status in {403, 407}
            assert gateway.take() == []


class TestIdentity:
    @pytest.mark.parametrize(("host", "believed"), [(STRANGER, False), (TRUNK, True)])
    def test_nobody_asserts_one_but_a_peer(
        self, open_to_calls: Victim, host: str, *, believed: bool
    ) -> None:
        """RFC 3325 §5: it is what billing and gateways go by."""
        identity = "P-Asserted-Identity: <tel:+15550100>"
        with (
            Phone("tcp", open_to_calls.place("tcp"), user="bob") as bob,
            Bare(host) as caller,
        ):
            assert bob.register_proven(number=41).status == 200
            uri, call_id = f"sip:bob@{DOMAIN}", uuid.uuid4().hex
            ask(caller, open_to_calls, "MESSAGE", uri, identity, to=f"<{uri}>", call_id=call_id)
            assert bool(bob.take("MESSAGE").get("P-Asserted-Identity")) is believed


class TestPath:
    """A Path token is the phone's, the edge's and the registrar's secret, and not enough alone."""

    def pair(self, folder: Path, *, path_from: str = "") -> tuple[Victim, Victim]:
        registrar = Victim(folder / "registrar", settings=['role = "registrar"'])
        settings = ['role = "edge"', f'registrar = "{registrar.uri()}"']
        tables = [f'[edge]\npath_from = "{path_from}"'] if path_from else []
        edge = Victim(folder / "edge", settings=settings, tables=tables, users=None)
        return edge, registrar

    @pytest.mark.parametrize(("path_from", "statuses"), [("", {403}), ("anyone", set())])
    def test_whoever_holds_it(self, tmp_path: Path, path_from: str, statuses: set[int]) -> None:
        edge, registrar = self.pair(tmp_path, path_from=path_from)
        with edge, registrar, Phone("tcp", edge.place("tcp"), user="alice") as alice:
            path = alice.register_proven(number=31).get("Path")
            with Bare(STRANGER) as stranger:
                for to in (f"<{ALICE}>", f"<{ALICE}>;tag=x"):
                    heard = ask(
                        stranger,
                        edge,
                        "MESSAGE",
                        alice.contact,
                        f"Route: {path}",
                        to=to,
                        call_id=uuid.uuid4().hex,
                    )
                    assert {each.status for each in heard} == statuses
                    if path_from:
                        alice.take("MESSAGE")
                        assert replies(stranger.take())[-1].status == 200
            if not path_from:
                assert alice.hears() is None
                assert "edge.path_from" in edge.err
                assert "edge.path_from" in heard[-1].get("Warning")
            assert edge.is_well()
            assert registrar.is_well()
