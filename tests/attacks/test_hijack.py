"""Taking over somebody else's registration: every way that RFC 3261 §10 and RFC 5626 leave open."""

from pathlib import Path

import pytest
from tests.attacks.attacker import INSTANCE, Phone, credentials
from tests.attacks.victim import DOMAIN, Victim, password

REGISTRAR = f"sip:{DOMAIN}"
ALICE = f"sip:alice@{DOMAIN}"
MALLORY = f"sip:mallory@{DOMAIN}"


@pytest.fixture
def alice(victim: Victim) -> Phone:
    phone = Phone("tcp", victim.place("tcp"), user="alice")
    assert phone.register_proven(number=1).status == 200
    return phone


def bound(alice: Phone) -> list[str]:
    """What alice's own phone is told is bound."""
    reply = alice.prove("REGISTER", REGISTRAR, to=ALICE)
    assert reply.status == 200
    return [contact.partition(";")[0] for contact in reply.contacts]


class TestWithoutAPassword:
    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_nothing_can_be_registered_removed_or_read(
        self, victim: Victim, alice: Phone, transport: str
    ) -> None:
        with alice, Phone(transport, victim.place(transport), user="alice") as stranger:
            for headers in (
                [f"Contact: <{stranger.contact}>"],
                ["Contact: *", "Expires: 0"],
                [f"Contact: <{alice.contact}>", "Expires: 0"],
                [],
            ):
                stranger.request("REGISTER", REGISTRAR, headers, to=ALICE)
                reply = stranger.final()
                assert reply.status == 401
                assert not reply.contacts
            assert len(bound(alice)) == 1

    def test_a_wrong_password_gets_nowhere(self, victim: Victim, alice: Phone) -> None:
        with (
            alice,
            Phone("udp", victim.place(), user="alice", secret="guessed") as stranger,
        ):
            assert stranger.register_proven(number=1).status == 401
            assert len(bound(alice)) == 1


class TestWithAPasswordOfOnesOwn:
    @pytest.mark.parametrize(
        "headers",
        [
            ["Contact: *", "Expires: 0"],
            ["Contact: <sip:mallory@127.0.0.1:9>"],
            [f'Contact: <sip:m@127.0.0.1:9>;+sip.instance="<{INSTANCE.format(1)}>";reg-id=1'],
            [],
        ],
        ids=["remove all", "add", "same instance", "read"],
    )
    def test_the_address_of_another_is_out_of_reach(
        self, victim: Victim, alice: Phone, headers: list[str]
    ) -> None:
        with alice, Phone("tcp", victim.place("tcp")) as mallory:
            more = [*headers, "Supported: outbound, path"]
            before = bound(alice)
            assert mallory.prove("REGISTER", REGISTRAR, more, to=ALICE).status == 403
            assert bound(alice) == before

    def test_nor_by_another_spelling(self, victim: Victim, alice: Phone) -> None:
        """What looks like another address but is the same one in the location service."""
        with alice, Phone("tcp", victim.place("tcp")) as mallory:
            before = bound(alice)
            for to in (
                f"sip:%61lice@{DOMAIN}",
                f"sip:alice@{DOMAIN.upper()}",
                f"sip:alice@{DOMAIN}.",
                f"sips:alice@{DOMAIN}",
                f"sip:alice:x@{DOMAIN}",
                f"sip:alice@{DOMAIN}:5060",
                f"sip:alice@{DOMAIN};user=phone",
                f"sip:alice@{victim.place()[0]}",
                f"sip:alice@localhost:{victim.place()[1]}",
            ):
                more = [f"Contact: <{mallory.contact}>"]
                reply = mallory.prove("REGISTER", REGISTRAR, more, to=to)
                assert reply.status in {400, 403, 404, 416}, to
                assert bound(alice) == before, to

    def test_the_same_instance_is_another_phone_elsewhere(
        self, victim: Victim, alice: Phone
    ) -> None:
        with alice, Phone("tcp", victim.place("tcp")) as mallory:
            before = bound(alice)
            assert mallory.register_proven(number=1).status == 200
            assert bound(alice) == before

    def test_credentials_for_one_name_do_not_call_as_another(
        self, victim: Victim, alice: Phone
    ) -> None:
        with alice, Phone("tcp", victim.place("tcp"), user="alice") as mallory:
            mallory.secret = "mallory's own secret"
            reply = mallory.prove("INVITE", f"sip:bob@{DOMAIN}", as_="mallory")
            assert reply.status == 403

    def test_credentials_are_not_good_twice(self, victim: Victim, alice: Phone) -> None:
        """What was overheard is worth nothing: not on another flow, not for another method."""
        with alice, Phone("udp", victim.place(), user="alice") as ear:
            alice.request("REGISTER", REGISTRAR, to=ALICE)
            challenge = alice.final().get("WWW-Authenticate")
            value = credentials(
                challenge, user="alice", secret=alice.secret, method="REGISTER", uri=REGISTRAR
            )
            alice.request("REGISTER", REGISTRAR, [f"Authorization: {value}"], to=ALICE)
            assert alice.final().status == 200
            for headers in ([f"Contact: <{ear.contact}>"], ["Contact: *", "Expires: 0"]):
                more = [*headers, f"Authorization: {value}"]
                ear.request("REGISTER", REGISTRAR, more, to=ALICE)
                assert ear.final().status == 401
            ear.request("INVITE", f"sip:bob@{DOMAIN}", [f"Proxy-Authorization: {value}"])
            assert ear.final().status in {400, 407}
            assert len(bound(alice)) == 1

    @pytest.mark.parametrize(("method", "uri"), [("MESSAGE", "bob"), ("INVITE", "carol")])
    def test_credentials_are_for_one_request(
        self, victim: Victim, alice: Phone, method: str, uri: str
    ) -> None:
        """What was held up on its way, and never used, opens no other way."""
        with alice, Phone("udp", victim.place(), user="alice") as thief:
            bob = f"sip:bob@{DOMAIN}"
            alice.request("INVITE", bob)
            challenge = alice.final()
            alice.ack("INVITE", bob, challenge)
            value = credentials(
                challenge.get("Proxy-Authenticate"),
                user="alice",
                secret=alice.secret,
                method="INVITE",
                uri=bob,
            )
            thief.request(method, f"sip:{uri}@{DOMAIN}", [f"Proxy-Authorization: {value}"])
            assert thief.final().status in {400, 407}
            thief.request("INVITE", bob, [f"Proxy-Authorization: {value}"])
            assert thief.final().status == 480  # as it stands it would have been good


def test_a_user_who_guesses_the_passwords_of_others(tmp_path: Path) -> None:
    """Logging in between the guesses takes none of them back."""
    limits = {"RINGWAY_LIMITS__BAN_FAILURES": "20", "RINGWAY_LIMITS__BAN_WINDOW": "1h"}
    with (
        Victim(tmp_path, environment=limits) as victim,
        Phone("tcp", victim.place("tcp")) as mallory,
    ):
        for _ in range(60):  # a call centre: wrong numbers, and her own registrations
            assert mallory.prove("MESSAGE", f"sip:nobody@{DOMAIN}").status in {404, 480}
            assert mallory.prove("REGISTER", REGISTRAR, to=MALLORY).status == 200
        guesses = 0
        try:
            while guesses < 40:
                guesses += 1
                mallory.secret = f"guess {guesses}"
                mallory.prove("REGISTER", REGISTRAR, to=ALICE, as_="alice")
                mallory.secret = password("mallory")
                assert mallory.prove("REGISTER", REGISTRAR, to=MALLORY).status == 200
        except (OSError, EOFError):
            pass
        assert guesses <= 20
        assert "is not heard for" in victim.out
