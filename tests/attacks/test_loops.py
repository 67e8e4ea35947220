"""Requests that come back to us: by Route, by Record-Route, by registration, by redirect.

Each must end soon, and by one answer: 482 or 483 for what goes in circles (RFC 3261 §16.3,
RFC 5393 §4), 440 for what fans out (RFC 5393 §5). Most need a password; an attacker has his own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from select import select

import pytest
from tests.attacks.attacker import INSTANCE, Bare, Phone, address, credentials, message, replies
from tests.attacks.victim import DOMAIN, Victim

MALLORY = f"sip:mallory@{DOMAIN}"
CAROL = f"sip:carol@{DOMAIN}"
GOES_ROUND = {400, 403, 404, 407, 408, 440, 480, 482, 483, 500, 503}


@pytest.fixture
def own(servers_own: Victim) -> Iterator[Victim]:
    """A server of this module's own, where attackers leave their bindings."""
    yield servers_own
    assert servers_own.is_well()


@pytest.fixture(scope="module")
def servers_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    with Victim(tmp_path_factory.mktemp("loops")) as victim:
        yield victim


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """A server that asks nobody for a password: what comes back to it is not stopped by that."""
    with Victim(tmp_path_factory.mktemp("open"), users=None) as victim:
        yield victim
        assert victim.is_well()


@pytest.fixture(scope="module")
def recursing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """A server that follows redirects to our users and to one address."""
    tables = ['[recurse]\ndomains = ["example.com", "127.0.0.1"]\ndepth = 5\ntargets = 10']
    with Victim(tmp_path_factory.mktemp("redirect"), tables=tables) as victim:
        yield victim
        assert victim.is_well()


def bind(phone: Phone, *contacts: str, expires: int = 600) -> int:
    """Bind these contacts, in the place of all that were bound before."""
    registrar = f"sip:{DOMAIN}"
    phone.prove("REGISTER", registrar, ["Contact: *", "Expires: 0"], to=phone.aor)
    more = [f"Contact: <{each}>" for each in contacts]
    return phone.prove("REGISTER", registrar, [*more, f"Expires: {expires}"], to=phone.aor).status


def call(carol: Phone, uri: str, headers: Sequence[str] = ()) -> None:
    """Have somebody call, with credentials."""
    carol.request("INVITE", uri, headers)
    challenge = carol.final()
    carol.ack("INVITE", uri, challenge)
    value = credentials(
        challenge.get("Proxy-Authenticate"),
        user=carol.user,
        secret=carol.secret,
        method="INVITE",
        uri=uri,
    )
    carol.request("INVITE", uri, [*headers, f"Proxy-Authorization: {value}"])


class TestRoute:
    @pytest.mark.parametrize("proven", [False, True])
    @pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
    def test_through_ourselves_again_and_again(
        self, own: Victim, proven: bool, method: str
    ) -> None:
        """Every Route of ours is taken off at once; nothing is sent to ourselves."""
        routes = [
            [own.uri(more=";lr")] * 2,
            [own.uri(more=";lr")] * 200,
            [own.uri(more=";lr"), own.uri(transport="tcp", more=";lr")] * 3,
            [f"sip:{DOMAIN};lr"] * 10,
            [own.uri(), own.uri()],  # strict routers
            [own.uri(more=";lr"), f"sip:localhost:{own.place()[1]};lr", own.uri(more=";lr")],
            [own.uri(more=f";lr;maddr={own.place()[0]}")] * 5,
        ]
        with Phone("udp", own.place()) as phone:
            for several in routes:
                before = own.cpu()
                more = [f"Route: <{route}>" for route in several]
                for uri in (f"sip:nobody@{DOMAIN}", own.uri("mallory"), own.uri()):
                    if proven:
                        status = phone.prove(method, uri, more).status
                    else:
                        phone.request(method, uri, more)
                        status = phone.final().status
                    assert status in GOES_ROUND | {200, 401, 405}, (several[:3], uri, status)
                assert own.cpu() - before < 0.5

    def test_to_others_is_for_those_who_may(self, own: Victim) -> None:
        """A Route of ours in front of one to somebody else makes us no open relay."""
        with Bare() as third, Phone("udp", own.place()) as phone:
            there = f"sip:{address(third.place)};lr"
            for more in (
                [f"Route: <{there}>"],
                [f"Route: <{own.uri(more=';lr')}>", f"Route: <{there}>"],
                [f"Route: <{own.uri(more=';lr')}>,<{there}>"],
            ):
                for uri in (MALLORY, f"sip:x@{address(third.place)}", "tel:+15550100"):
                    for method in ("INVITE", "MESSAGE", "ACK"):
                        phone.request(method, uri, more)
                        if method == "ACK":
                            continue
                        assert phone.final().status in {403, 407}
                        assert phone.prove(method, uri, more).status in {403, 404}
            assert third.take() == []

    def test_record_routes_of_a_stranger_lead_nowhere(self, own: Victim) -> None:
        """A Record-Route that is written into a request is not one that we have written."""
        with Phone("tcp", own.place("tcp")) as phone, Bare() as third:
            assert phone.register_proven().status == 200
            for there in (own.uri(more=";lr"), f"sip:{address(third.place)};lr"):
                more = [f"Record-Route: <{there}>", f"Route: <{own.uri(more=';lr')}>"]
                phone.within("BYE", MALLORY, more, to=f"<{MALLORY}>;tag=x", call_id="r")
                assert phone.final().status in {403, 407}
            assert third.take() == []


class TestRegistration:
    @pytest.mark.parametrize("password", [True, False], ids=["password", "open"])
    def test_at_ourselves(self, own: Victim, trusting: Victim, *, password: bool) -> None:
        """Whose Contact is our own address, by whatever name, is called in circles."""
        victim = own if password else trusting
        host, port = victim.place()
        with Phone("udp", (host, port)) as phone:
            for contact in (
                victim.uri("mallory"),
                victim.uri("mallory", "tcp"),
                MALLORY,
                f"sip:mallory@localhost:{port}",
                f"{MALLORY};x=1",
                f"sip:mallory@{DOMAIN};maddr={host};port={port}",
                f"sip:mallory@127.0.0.1:{port};transport=udp;y=2",
            ):
                assert bind(phone, contact) == 200, contact
                before, began = victim.cpu(), time.monotonic()
                told = len(victim.events)
                reply = phone.prove("INVITE", MALLORY)
                assert reply.status in GOES_ROUND, (contact, reply.start)
                rounds = [each for each in victim.events[told:] if each["kind"] == "request"]
                assert len(rounds) <= 4, contact
                assert victim.cpu() - before < 0.5
                assert time.monotonic() - began < 5
            assert bind(phone) == 200

    @pytest.mark.parametrize("password", [True, False], ids=["password", "open"])
    def test_fork_bomb(self, own: Victim, trusting: Victim, *, password: bool) -> None:
        """RFC 5393 §3: two users with Contacts at each other, and loop detection alone is blind.

        Were every fork to end by Max-Forwards alone, there would be 10^70 requests.
        """
        victim = own if password else trusting
        uri = victim.uri("{}", more=";n={}")
        with (
            Phone("udp", victim.place()) as mallory,
            Phone("udp", victim.place(), user="carol") as carol,
        ):
            for phone in (mallory, carol):
                targets = [uri.format(who, n) for who in ("mallory", "carol") for n in range(5)]
                assert bind(phone, *targets) == 200
            before, events = victim.cpu(), len(victim.events)
            reply = mallory.prove("INVITE", CAROL)
            assert reply.status in GOES_ROUND
            cpu, told = victim.cpu() - before, len(victim.events) - events
            print(f"\nfork bomb: {reply.status}, {cpu:.2f} s CPU, {told} events")
            assert cpu < 3
            for phone in (mallory, carol):
                assert bind(phone) == 200

    def test_max_breadth_of_the_caller_is_not_taken_for_more(self, own: Victim) -> None:
        with (
            Phone("udp", own.place()) as mallory,
            Phone("udp", own.place(), user="carol") as carol,
        ):
            assert bind(mallory, mallory.contact) == 200
            for breadth in ("1", "4000000000"):
                call(carol, MALLORY, [f"Max-Breadth: {breadth}"])
                invite = mallory.read()
                assert 1 <= int(invite.get("Max-Breadth")) <= min(int(breadth), 60)
                mallory.answer(invite, "486 Busy Here")
                busy = carol.final()
                assert busy.status == 486
                carol.ack("INVITE", MALLORY, busy)
                assert mallory.read().method == "ACK"
            for breadth, status in (("0", 440), ("-1", 400), ("x", 400)):
                assert carol.prove("INVITE", MALLORY, [f"Max-Breadth: {breadth}"]).status == status
            assert mallory.hears() is None
            assert bind(mallory) == 200

    def test_a_flood_of_instances_stays_within_the_limit(self, own: Victim) -> None:
        """Each with an instance and a Call-ID of its own; registration.max_contacts holds."""
        before = own.memory()
        statuses: list[int] = []
        with Phone("tcp", own.place("tcp")) as phone:
            for number in range(300):
                phone.call_id = f"flood-{number}"
                contact = f"sip:mallory@127.0.0.{number % 250 + 1}:{number + 1}"
                statuses.append(phone.register_proven(number=number + 1, contact=contact).status)
            reply = phone.prove("REGISTER", f"sip:{DOMAIN}", to=MALLORY)
            assert len(reply.contacts) <= 20
            assert set(statuses) == {200, 403}
            assert statuses.count(200) <= 20
            assert bind(phone) == 200
        assert own.memory() - before < 8_000_000

    def test_nor_does_one_of_strangers_leave_anything(self, own: Victim) -> None:
        """REGISTERs without a password, from made-up users and instances."""
        with Bare() as stranger:

            def flood(count: int) -> None:
                for number in range(count):
                    to = f"<sip:user{number}@{DOMAIN}>"
                    via = f"SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK{id(to)}-{number}"
                    instance = INSTANCE.format(number)
                    more = [f'Contact: <sip:u@127.0.0.1:9>;+sip.instance="<{instance}>";reg-id=1']
                    data = message("REGISTER", f"sip:{DOMAIN}", to=to, via=via, headers=more)
                    stranger.send(data, own.place())
                    if number % 50 == 0:
                        stranger.take(0.02)
                stranger.take(0.2)

            flood(500)  # what is kept at all is kept now
            before = own.memory()
            flood(3000)
            assert own.memory() - before < 4_000_000


class TestRedirect:
    """302s that lead the proxy where it must not go, with recursion switched on."""

    def called(
        self,
        victim: Victim,
        contacts: list[str] | Callable[[Phone, int], list[str]],
        *,
        transport: str = "tcp",
        most: int = 11,
    ) -> int:
        """Register, have carol call, and redirect her; the final status that she gets.

        Args:
            victim: the server.
            contacts: where to; or what says so of a phone and how often it was called.
            transport: of the phone that redirects.
            most: how often it may be called: for the first time, and `targets` times.
        """
        with (
            Phone(transport, victim.place(transport)) as mallory,
            Phone("udp", victim.place(), user="carol") as carol,
        ):
            assert mallory.register_proven(number=31).status == 200
            call(carol, MALLORY)
            called = 0
            while True:
                ready = [phone for phone in (mallory, carol) if phone.pending]
                ready += select([mallory, carol], [], [], 0 if ready else 10)[0]
                assert ready, "nobody is told anything"
                if mallory in ready and (heard := mallory.read()).method == "INVITE":
                    called += 1
                    where = contacts(mallory, called) if callable(contacts) else contacts
                    more = [f"Contact: <{contact}>" for contact in where]
                    mallory.answer(heard, "302 Moved", more)
                if carol in ready and (reply := carol.read()).status >= 200:
                    break
            carol.ack("INVITE", MALLORY, reply)
            assert called <= most
            return reply.status

    def test_to_more_than_targets(self, recursing: Victim) -> None:
        def thirty(mallory: Phone, called: int) -> list[str]:
            return [f"sip:x{called}-{n}@{address(mallory.local)}" for n in range(30)]

        assert self.called(recursing, thirty, transport="udp") in GOES_ROUND | {302}

    def test_deeper_than_depth(self, recursing: Victim) -> None:
        def another(mallory: Phone, called: int) -> list[str]:
            return [f"sip:x{called}@{address(mallory.local)}"]

        status = self.called(recursing, another, transport="udp", most=6)
        assert status in GOES_ROUND | {302}

    def test_to_ourselves(self, recursing: Victim) -> None:
        before = recursing.cpu()
        for contacts in (
            [MALLORY],
            [recursing.uri("mallory")],
            [f"{MALLORY};n={n}" for n in range(30)],
            [f"sip:carol@{DOMAIN}", MALLORY],
        ):
            status = self.called(recursing, contacts)
            assert status in GOES_ROUND | {302}, (contacts[:2], status)
        assert recursing.cpu() - before < 3

    def test_to_where_policy_does_not_lead(self, recursing: Victim) -> None:
        """Loopback and private addresses that the operator has not named: the caller decides."""
        with Bare("127.0.0.9") as inside:
            port = inside.place[1]
            for contact in (
                f"sip:x@127.0.0.9:{port}",
                f"sip:x@127.9:{port}",
                f"sip:x@2130706441:{port}",
                f"sip:x@[::ffff:127.0.0.9]:{port}",
                f"sip:x@{DOMAIN};maddr=127.0.0.9:{port}",
                f"sip:x@{DOMAIN};maddr=127.0.0.9",
                f"sip:x@127.0.0.1:{port};maddr=127.0.0.9",
                f"sip:127.0.0.1@127.0.0.9:{port}",
                f"sip:x@{DOMAIN}@127.0.0.9:{port}",
                f"sip:x@{DOMAIN}:{port}%40127.0.0.9",
                f"sip:x@{DOMAIN}?Route=%3Csip%3A127.0.0.9:{port}%3Blr%3E",
                "sip:x@10.0.0.1",
                "sip:x@192.168.0.1",
                "sip:x@169.254.169.254:80;transport=tcp",
                "http://127.0.0.1/",
                "tel:+15550100",
            ):
                status = self.called(recursing, [contact])
                assert status in GOES_ROUND | {302, 416}, (contact, status)
            assert inside.take() == []

    def test_a_loop_of_users(self, recursing: Victim) -> None:
        """Each of a ring of phones redirects to the next one: each is called once."""
        users = ("mallory", "bob", "alice")
        phones = [Phone("tcp", recursing.place("tcp"), user=user) for user in users]
        with Phone("udp", recursing.place(), user="carol") as carol:
            for number, phone in enumerate(phones):
                assert phone.register_proven(number=40 + number).status == 200
            call(carol, MALLORY)
            for number, phone in enumerate(phones):
                invite = phone.read()
                assert invite.method == "INVITE"
                following = phones[(number + 1) % len(phones)]
                phone.answer(invite, "302 Moved", [f"Contact: <{following.aor}>"])
            reply = carol.final(10)
            assert reply.status in GOES_ROUND | {302}
            carol.ack("INVITE", MALLORY, reply)
            for phone in phones:
                while (heard := phone.hears(0.1)) is not None:
                    assert heard.method == "ACK"
                phone.close()


def test_what_comes_back_over_us_by_a_strangers_hand(victim: Victim) -> None:
    """A Via of ours that we never wrote: no loop is believed in, nothing breaks."""
    ours = address(victim.place())
    with Bare() as stranger:
        for branch in ("z9hG4bKx", "z9hG4bK.00000000", "z9hG4bK" + "a" * 300):
            via = f"SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK{len(branch)}loop"
            data = message(
                "INVITE",
                f"sip:alice@{DOMAIN}",
                via=via,
                headers=[f"Via: SIP/2.0/UDP {ours};branch={branch}"] * 30,
            )
            stranger.send(data, victim.place())
        assert [reply.status for reply in replies(stranger.take())] == [407] * 3
