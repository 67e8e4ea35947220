"""Real phones against a server that asks for passwords; its users come from `ringway user add`."""

import re
from collections.abc import Callable, Iterator

import pytest
from tests.interop.lab import Lab, Sipp
from tests.interop.network import Namespace
from tests.interop.peers import NEEDS
from tests.interop.phones import baresip, event, jssip, linphone, pjsua
from tests.interop.programs import Program
from tests.interop.servers import DOMAIN, STAND_IN, Server
from tests.interop.wire import Agent, Call

PEERS = ("sipp",)
pytestmark = pytest.mark.skipif(STAND_IN, reason="Ringway's own users")

USERS = {"alice": "Alice's-own", "bob": "hidden", "caller": "calling"}
BOB = f"sip:bob@{DOMAIN}"
SIPP = ('md5_only = "SIPp"',)  # SIPp 3.6 gives up where SHA-256 comes first
INSTANCE = "urn:uuid:5d2b8a1e-3c7f-4e0a-9b61-2f4c8d7e6a05"
CHALLENGED = r"challenge +no credentials"
STALE = r"challenge +the right password with a nonce that is not fresh"


@pytest.fixture
def net() -> Iterator[Namespace]:
    with Namespace() as namespace:
        yield namespace


@pytest.fixture
def server(lab: Lab) -> Server:
    return lab.server(["udp", "tcp", "ws"], users=USERS)


def agent(server: Server, user: str, *, password: str = "", algorithm: str = "") -> Agent:
    password = password or USERS[user]
    place = server.place("udp")
    return Agent("udp", place, user=user, password=password, algorithm=algorithm)


def ws(server: Server) -> str:
    host, port = server.place("ws")
    return f"ws://{host}:{port}"


def bob_takes_a_call(server: Server, call: Callable[[], None], hang_up: Callable[[], None]) -> None:
    """Let a phone call bob, who has proved who he is."""
    with agent(server, "bob") as bob:
        assert bob.register().status == 200
        call()
        assert "Proxy-Authorization" not in str(bob.take_call().headers)
        hang_up()
        assert "Proxy-Authorization" not in str(bob.take("BYE").headers)


def calls(server: Server, phone: Program, dial: str = "call", end: str = "hangup") -> None:
    """The phone has registered: it calls bob, and bob calls it."""
    bob_takes_a_call(server, lambda: phone.say(f"{dial} {BOB}"), lambda: phone.say(end))


def is_called(server: Server, user: str = "alice") -> None:
    with agent(server, "bob") as bob:
        call = Call(bob, f"sip:{user}@{DOMAIN}")
        assert call.invite().status == 200
        call.ack()
        bob.digest = None  # from here on the call proves itself
        assert call.bye().status == 200


class TestPhones:
    """Each registers, calls, is called, and says so itself when the password is wrong."""

    def test_pjsua(self, lab: Lab, server: Server) -> None:
        NEEDS["pjsua2"]()
        phone = pjsua(lab, "alice", server.uri("tcp"), password=USERS["alice"])
        event(phone, "registration", status=200)
        assert len(lab.bindings(server, "alice")) == 1
        calls(server, phone)
        is_called(server)

    def test_pjsua_with_a_wrong_password(self, lab: Lab, server: Server) -> None:
        NEEDS["pjsua2"]()
        phone = pjsua(lab, "alice", server.uri("tcp"), password="wrong")
        event(phone, "registration", status=401, active=False)
        assert lab.bindings(server, "alice") == []

    def test_linphone(self, lab: Lab, server: Server) -> None:
        NEEDS["linphone"]()
        phone = linphone(lab, "alice", server.uri("tcp"), password=USERS["alice"])
        phone.wait_for(r"algorithm=SHA-256, username=")
        lab.wait_bindings(server, "alice", 1)
        calls(server, phone, end="terminate")
        is_called(server)

    def test_linphone_with_a_wrong_password(self, lab: Lab, server: Server) -> None:
        NEEDS["linphone"]()
        phone = linphone(lab, "alice", server.uri("tcp"), password="wrong")
        phone.wait_for(r"\[LinphoneRegistrationProgress\] to \[LinphoneRegistrationFailed\]")
        assert lab.bindings(server, "alice") == []

    def test_jssip(self, lab: Lab, server: Server) -> None:
        """It knows MD5 only, and takes the third challenge."""
        NEEDS["jssip"]()
        phone = jssip(lab, "alice", [ws(server)], password=USERS["alice"])
        event(phone, "registered")
        calls(server, phone)
        is_called(server)

    def test_jssip_with_a_wrong_password(self, lab: Lab, server: Server) -> None:
        NEEDS["jssip"]()
        phone = jssip(lab, "alice", [ws(server)], password="wrong")
        failed = event(phone, "registrationFailed")
        assert (failed["cause"], failed["status"]) == ("Authentication Error", 401)
        assert lab.bindings(server, "alice") == []

    def test_baresip(self, lab: Lab, net: Namespace) -> None:
        """Version 1 gives up at any other challenge than MD5: it is offered nothing else."""
        NEEDS["baresip"]()
        server = lab.server(["udp", "tcp", "tcp"], users=USERS, host=net.outside)
        flows = [server.uri("tcp", number) for number in (0, 1)]
        phone = baresip(lab, net, "alice", flows, password=USERS["alice"])
        lab.wait_bindings(server, "alice", 2)
        calls(server, phone, dial="/dial", end="/hangup")
        is_called(server)

    def test_baresip_with_a_wrong_password(self, lab: Lab, net: Namespace) -> None:
        NEEDS["baresip"]()
        server = lab.server(["udp", "tcp"], users=USERS, host=net.outside)
        phone = baresip(lab, net, "alice", [server.uri("tcp")], password="wrong")
        phone.wait_for(r"reg: sip:alice@\S+: 401 Unauthorized")
        assert lab.bindings(server, "alice") == []


BOTH = pytest.mark.parametrize("transport", ["udp", "tcp"])


class TestSipp:
    def login(self, user: str, password: str, uri: str) -> list[str]:
        return ["-au", user, "-ap", password, "-auth_uri", uri]

    def registers(self, lab: Lab, server: Server, transport: str, password: str) -> Sipp:
        more = self.login("alice", password, DOMAIN)
        return lab.sipp("register_auth.xml", server, transport, keys={"user": "alice"}, more=more)

    @BOTH
    def test_it_registers(self, lab: Lab, transport: str) -> None:
        server = lab.server(users=USERS, settings=["[auth]", *SIPP])
        self.registers(lab, server, transport, USERS["alice"]).passed()

    def test_not_with_a_wrong_password(self, lab: Lab) -> None:
        server = lab.server(users=USERS, settings=["[auth]", *SIPP])
        sipp = self.registers(lab, server, "udp", "wrong")
        assert sipp.program.wait(15) != 0
        assert "received 'SIP/2.0 401 Unauthorized" in sipp.errors.read_text()
        assert lab.bindings(server, "alice") == []

    @BOTH
    def test_it_calls(self, lab: Lab, transport: str) -> None:
        """Its ACK and BYE have no credentials: the call proves itself."""
        server = lab.server(users=USERS, settings=["[auth]", *SIPP])
        with agent(server, "bob") as bob:
            assert bob.register().status == 200
            more = self.login("caller", USERS["caller"], f"bob@{DOMAIN}")
            sipp = lab.sipp("caller_auth.xml", server, transport, keys={"user": "bob"}, more=more)
            bob.take_call()
            bob.take("BYE")
        sipp.passed()


class TestChallenges:
    @pytest.mark.parametrize("algorithm", ["SHA-256", "SHA-512-256", "MD5"])
    def test_a_phone_that_knows_one_algorithm(self, server: Server, algorithm: str) -> None:
        with agent(server, "alice", algorithm=algorithm) as alice:
            assert alice.register().status == 200

    def test_a_wrong_password_and_an_unknown_user_get_the_same(self, server: Server) -> None:
        answers = []
        for user in ("alice", "nobody"):
            with agent(server, user, password="wrong") as stranger:
                reply = stranger.register()
            values = [re.sub('nonce="[^"]*"', "", v) for v in reply.values("WWW-Authenticate")]
            answers.append((reply.start, [name for name, _ in reply.headers], values))
        assert answers[0] == answers[1]

    def test_a_phone_registers_again_with_the_same_nonce(self, lab: Lab) -> None:
        server = self.refreshed(lab, "60s")
        assert server.program.count(CHALLENGED) == 1
        assert server.program.count(STALE) == 0

    def test_a_phone_registers_again_when_the_nonce_has_expired(self, lab: Lab) -> None:
        server = self.refreshed(lab, "1s")
        assert server.program.count(CHALLENGED) == 1
        assert server.program.count(STALE) >= 2

    def refreshed(self, lab: Lab, nonce_life: str) -> Server:
        """A server where a phone has registered three times without ever failing."""
        NEEDS["linphone"]()
        registration = ["[registration]", 'min_expires = "1s"', "spread = 0"]
        settings = ["[auth]", f'nonce_life = "{nonce_life}"', *registration]
        server = lab.server(users=USERS, settings=settings)
        phone = linphone(lab, "alice", server.uri("tcp"), password=USERS["alice"], expires=3)
        for _ in range(3):
            phone.wait_for(r"^SIP/2\.0 200 OK\n(?:\S.*\n)*?CSeq: \d+ REGISTER", 15)
        assert phone.count("LinphoneRegistrationFailed") == 0
        assert server.program.said("bound +sip:alice", 3)
        assert server.program.count("a wrong user or password") == 0
        return server


class TestEdges:
    """An edge has no users; the registrar behind it asks."""

    def test_a_phone_behind_our_edge(self, lab: Lab) -> None:
        NEEDS["pjsua2"]()
        registrar = lab.server(["udp"], role="registrar", users=USERS)
        edge = lab.server(role="edge", registrar=registrar)
        phone = pjsua(lab, "alice", edge.uri("tcp"), password=USERS["alice"])
        event(phone, "registration", status=200)
        with agent(edge, "bob") as bob:
            assert bob.register().status == 200
            phone.say(f"call {BOB}")
            bob.take_call()
            event(phone, "call", state="CONFIRMED")
            phone.say("hangup")
            bob.take("BYE")
            call = Call(bob, f"sip:alice@{DOMAIN}")
            assert call.invite().status == 200
            call.ack()
            assert call.bye().status == 200
        stranger = pjsua(lab, "alice", edge.uri("tcp"), password="wrong")
        event(stranger, "registration", status=401)

    @pytest.mark.parametrize("number", [0, 1])
    def test_two_flows_and_a_killed_edge(self, lab: Lab, net: Namespace, number: int) -> None:
        NEEDS["baresip"]()
        registrar = lab.server(["udp"], role="registrar", users=USERS, host=net.outside)
        edges = [
            lab.server(["udp", "tcp"], role="edge", registrar=registrar, host=net.outside)
            for _ in range(2)
        ]
        flows = [edge.uri("tcp") for edge in edges]
        phone = baresip(lab, net, "alice", flows, password=USERS["alice"])
        lab.wait_bindings(registrar, "alice", 2)
        is_called(registrar)
        edges[number].kill()
        is_called(registrar)
        assert phone.said(r"^INVITE ", 2)

    def test_kamailio_as_edge(self, lab: Lab) -> None:
        NEEDS["kamailio"]()
        NEEDS["jssip"]()
        registrar = lab.server(["udp"], role="registrar", users=USERS)
        edge = lab.kamailio("edge.cfg", ["udp", "ws"], registrar=registrar)
        phone = jssip(lab, "alice", [ws(edge)], password=USERS["alice"])
        event(phone, "registered")
        is_called(registrar)
        with agent(edge, "bob") as bob:
            assert bob.register(reg_id=1, instance=INSTANCE).status == 200
            phone.say(f"call {BOB}")
            bob.take_call()
            event(phone, "confirmed")
            phone.say("hangup")
            bob.take("BYE")


class TestCalls:
    def test_what_belongs_to_a_call_is_not_challenged(self, server: Server) -> None:
        with agent(server, "bob") as bob, agent(server, "alice") as alice:
            assert bob.register().status == 200
            call = Call(alice, BOB)
            call.answer_challenge()
            bob.take("INVITE")
            assert call.answered().status == 200
            call.ack()
            bob.take("ACK")
            alice.digest = None
            call.send_invite()
            bob.take("INVITE")
            assert call.answered().status == 200
            call.ack()
            bob.take("ACK")
            call.send("BYE")
            bob.take("BYE")
            assert alice.final().status == 200

    def test_a_foreign_caller(self, lab: Lab) -> None:
        keys = {"user": "bob", "from": "carol@elsewhere.example"}
        for settings, may in (([], False), (["[auth]", 'calls = "ours"'], True)):
            server = lab.server(users=USERS, settings=settings)
            with agent(server, "bob") as bob:
                assert bob.register().status == 200
                sipp = lab.sipp("caller.xml", server, keys=keys)
                self.outcome(sipp, bob, may=may)
                ours = lab.sipp("caller.xml", server, keys={"user": "bob"})
                self.outcome(ours, bob, may=False)

    def outcome(self, sipp: Sipp, bob: Agent, *, may: bool) -> None:
        if may:
            bob.take_call()
            bob.take("BYE")
            sipp.passed()
        else:
            assert sipp.program.wait(15) != 0
            assert "407 Proxy Authentication Required" in sipp.errors.read_text()

    def test_a_peer_needs_no_password(self, lab: Lab) -> None:
        peer = ["[[peer]]", 'name = "trunk"', 'addresses = "127.0.0.1"', 'may = "call"']
        server = lab.server(users=USERS, settings=peer)
        with agent(server, "bob") as bob:
            bob.digest = None
            assert bob.register().status == 401
        with agent(server, "bob") as bob:
            assert bob.register().status == 200
            sipp = lab.sipp("caller.xml", server, keys={"user": "bob", "from": "x@carrier.example"})
            self.outcome(sipp, bob, may=True)
            with Agent("udp", server.place("udp")) as trunk:
                assert Call(trunk, "sip:x@elsewhere.example").invite().status == 407


APP = """
import asyncio
import ringway

server = ringway.App()


@server.handler
async def decide(call: ringway.Incoming) -> ringway.Choice:
    await asyncio.sleep(0)
    match call.uri.user:
        case "moved":
            return call.redirect("sip:bob@ring.test")
        case "rejected":
            return call.reject(603, "not today")
        case "bobby":
            return call.accept("sip:bob@ring.test")
        case "asked":
            return call.challenge()
        case "broken":
            raise LookupError("the directory\\r\\nis down")
        case "slow":
            await asyncio.sleep(60)
        case "nothing":
            return None
    return call.default()
"""


class TestApp:
    """`ringway serve app:server`."""

    @pytest.fixture
    def server(self, lab: Lab) -> Server:
        (lab.folder / "app.py").write_text(APP)
        settings = ["[timers]", 'handler = "0.5s"']
        return lab.server(users=USERS, settings=settings, app="app:server")

    def status(self, server: Server, user: str) -> int:
        with Agent("udp", server.place("udp"), user="alice") as alice:
            return Call(alice, f"sip:{user}@{DOMAIN}").invite().status

    def test_what_it_decides(self, server: Server) -> None:
        with agent(server, "bob") as bob:
            assert bob.register().status == 200
            assert self.status(server, "moved") == 302
            assert self.status(server, "rejected") == 603
            assert self.status(server, "asked") == 407
            assert self.status(server, "bob") == 407
            with agent(server, "alice") as alice:
                Call(alice, f"sip:bobby@{DOMAIN}").send_invite()
                assert BOB.partition(":")[2].partition("@")[0] in bob.take("INVITE").start

    def test_a_fault_costs_its_call_alone(self, server: Server) -> None:
        log = server.program
        assert self.status(server, "broken") == 500
        log.wait_for(r"ringway: error: the handler failed with INVITE of call \S+\n  Traceback")
        log.wait_for("LookupError: the directory")
        assert self.status(server, "slow") == 500
        log.wait_for(
            r"ringway: error: the handler took too long with INVITE of call \S+\n  Traceback"
        )
        assert self.status(server, "nothing") == 500
        log.wait_for(r"TypeError: a handler returned None")
        assert self.status(server, "rejected") == 603
        with agent(server, "bob") as bob:
            assert bob.register().status == 200
