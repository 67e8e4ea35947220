"""Whole scenes, as a capture at every hop would show them."""

from __future__ import annotations

from tests.unit.explain.observed.support import Scene

from ringway.capture.items import Seen
from ringway.transport.flow import Address

# Users have addresses of their own, so that a Contact tells who is behind one.
PLACES = {
    "alice": Address("192.0.2.1", 5060),
    "bob": Address("192.0.2.20", 5060),
    "bob-2": Address("192.0.2.20", 40002),
    "carol": Address("192.0.2.30", 5060),
    "edge": Address("198.51.100.1", 5060),
    "edge-1": Address("198.51.100.11", 5060),
    "edge-2": Address("198.51.100.12", 5060),
    "registrar": Address("198.51.100.2", 5060),
}
BOB = (("Contact", "<sip:bob@192.0.2.20:5060>"),)
CAROL = (("Contact", "<sip:carol@192.0.2.30:5060>"),)
DIGEST = 'Digest realm="example.com", nonce="n1"'


def call(scene: Scene, **more: str) -> Seen:
    """Let alice call bob through the edge."""
    return scene.request("alice", "edge", "INVITE", "sip:bob@example.com", **more)  # type: ignore[arg-type]


def answer(scene: Scene, onward: Seen, ring: float = 2.0) -> Seen:
    """Let it ring at bob, and let him answer."""
    scene.back(scene.reply(onward, 180, headers=BOB))
    scene.wait(ring)
    ok = scene.back(scene.reply(onward, 200, headers=BOB))
    scene.forward(scene.ack(ok), scene.name(onward.target))
    return ok


def hang_up(scene: Scene, talk: float = 30.0, *, to_tag: str = "bob-tag") -> None:
    """Let alice hang up."""
    scene.wait(talk)
    bye = scene.request(
        "alice",
        "edge",
        "BYE",
        "sip:bob@192.0.2.20:5060",
        callee="sip:bob@example.com",
        cseq=2,
        to_tag=to_tag,
    )
    scene.back(scene.reply(scene.forward(bye, "bob"), 200))


def plain_call() -> Scene:
    scene = Scene(places=PLACES)
    invite = call(scene)
    scene.reply(invite, 100)
    answer(scene, scene.forward(invite, "bob", uri="sip:bob@192.0.2.20:5060"))
    hang_up(scene)
    return scene


def direct_call() -> Scene:
    scene = Scene(places=PLACES)
    invite = scene.request("alice", "bob", "INVITE", "sip:bob@example.com")
    scene.reply(invite, 180, headers=BOB)
    scene.wait(1)
    scene.ack(scene.reply(invite, 200, headers=BOB))
    scene.wait(5)
    bye = scene.request(
        "bob",
        "alice",
        "BYE",
        "sip:alice@192.0.2.1",
        callee="sip:alice@example.com",
        from_tag="bob-tag",
        to_tag="alice-tag",
    )
    scene.reply(bye, 200)
    return scene


def redirected_by_proxy() -> Scene:
    scene = Scene(places=PLACES)
    invite = call(scene)
    first = scene.forward(invite, "bob", uri="sip:bob@192.0.2.20:5060")
    scene.ack(scene.reply(first, 302, headers=CAROL))
    answer(scene, scene.forward(invite, "carol", uri="sip:carol@192.0.2.30:5060"))
    return scene


def redirected_caller() -> Scene:
    scene = Scene(places=PLACES)
    invite = call(scene)
    scene.ack(scene.reply(invite, 302, headers=CAROL))
    again = scene.request(
        "alice",
        "carol",
        "INVITE",
        "sip:carol@192.0.2.30:5060",
        callee="sip:bob@example.com",
        cseq=2,
    )
    scene.reply(again, 180)
    scene.wait(1)
    scene.ack(scene.reply(again, 200))
    return scene


def redirect_ignored() -> Scene:
    scene = Scene(places=PLACES)
    scene.ack(scene.reply(call(scene), 302, headers=CAROL))
    return scene


def flow_failed() -> Scene:
    """The registrar tries the flow over one edge, gets 430, and takes the other."""
    scene = Scene(places=PLACES)
    invite = call(scene)
    first = scene.forward(invite, "edge-1")
    scene.ack(scene.reply(first, 430))
    second = scene.forward(invite, "edge-2")
    last = scene.forward(second, "bob", uri="sip:bob@192.0.2.20:5060")
    scene.back(scene.back(scene.reply(last, 180, headers=BOB)))
    scene.wait(1)
    scene.back(scene.back(scene.reply(last, 200, headers=BOB)))
    return scene


def flow_reset(how: str = "reset") -> Scene:
    """The edge that says 430 is where alice had registered; her connection had ended so."""
    scene = Scene("tcp", places=PLACES)
    for number, edge in enumerate(("edge-1", "edge-2"), start=1):
        scene.opened("alice", edge)
        register(scene, edge, number)
    scene.wait(10)
    if how:
        scene.closed("edge-1", "alice", how)
    scene.wait(1)
    alice = "sip:alice@192.0.2.1:5060;ob"
    invite = scene.request(
        "bob", "registrar", "INVITE", "sip:alice@example.com", call_id="call", transport="udp"
    )
    scene.ack(scene.reply(scene.forward(invite, "edge-1", uri=alice), 430))
    second = scene.forward(scene.forward(invite, "edge-2", uri=alice), "alice", transport="tcp")
    scene.back(scene.back(scene.reply(second, 200)))
    return scene


def flow_closed() -> Scene:
    return flow_reset("closed")


def flow_forgotten() -> Scene:
    return flow_reset("")


def not_asked_again() -> Scene:
    """The server wants credentials, and alice has none."""
    scene = Scene(places=PLACES)
    ask = scene.request("alice", "edge", "REGISTER", "sip:example.com")
    scene.reply(ask, 401, headers=(("WWW-Authenticate", DIGEST),))
    return scene


def silent_flow() -> Scene:
    scene = Scene(places=PLACES)
    invite = call(scene)
    scene.reply(invite, 100)
    first = scene.forward(invite, "old")
    scene.repeat(first, 0.5)
    scene.repeat(first, 1.0)
    scene.wait(0.5)
    answer(scene, scene.forward(invite, "bob", uri="sip:bob@192.0.2.20:5060"))
    return scene


def lost_in_mid_call() -> Scene:
    scene = Scene("tcp", places=PLACES)
    scene.opened("bob", "edge")
    invite = call(scene)
    ok = answer(scene, scene.forward(invite, "bob", uri="sip:bob@192.0.2.20:5060"))
    assert ok.message is not None
    scene.wait(10)
    scene.closed("bob", "edge", "reset")
    scene.wait(5)
    bye = scene.request(
        "alice",
        "edge",
        "BYE",
        "sip:bob@192.0.2.20:5060",
        callee="sip:bob@example.com",
        cseq=2,
        to_tag="bob-tag",
    )
    scene.back(scene.reply(scene.forward(bye, "bob-2"), 200))
    return scene


def register(
    scene: Scene,
    edge: str,
    reg_id: int,
    *,
    cseq: int = 1,
    digest: bool = True,
    call_id: str = "",
) -> None:
    contact = (
        "<sip:alice@192.0.2.1:5060;ob>"
        f';+sip.instance="<urn:uuid:00000000-0000-1000-8000-00000000000A>";reg-id={reg_id}'
    )
    headers = (("Contact", contact), ("Supported", "path, outbound"), ("Expires", "600"))
    alice = "sip:alice@example.com"
    call_id = call_id or f"reg-{reg_id}"

    def ask(number: int, more: tuple[tuple[str, str], ...]) -> Seen:
        return scene.request(
            "alice",
            edge,
            "REGISTER",
            "sip:example.com",
            callee=alice,
            cseq=number,
            call_id=call_id,
            headers=(*headers, *more),
        )

    if digest:
        scene.reply(
            ask(cseq, ()), 401, phrase="Unauthorized", headers=(("WWW-Authenticate", DIGEST),)
        )
        cseq += 1
    credentials = ("Authorization", 'Digest username="alice", response="0"')
    granted = (("Contact", f"{contact};expires=600"), ("Require", "outbound"), ("Flow-Timer", "90"))
    onward = scene.forward(
        ask(cseq, (credentials,)), "registrar", headers=(("Path", "<sip:t@e;lr;ob>"),)
    )
    scene.back(scene.reply(onward, 200, headers=granted))


def two_registrations() -> Scene:
    scene = Scene(places=PLACES)
    register(scene, "edge-1", 1)
    register(scene, "edge-2", 2)
    return scene


def registered_again() -> Scene:
    scene = Scene("tcp", places=PLACES)
    scene.opened("alice", "edge-1")
    register(scene, "edge-1", 1)
    scene.wait(100)
    scene.closed("edge-1", "alice", "reset")
    scene.wait(1)
    scene.place("alice", scene.place("alice")._replace(port=40001))
    scene.opened("alice", "edge-1")
    register(scene, "edge-1", 1, cseq=3)
    return scene


def cancelled() -> Scene:
    scene = Scene(places=PLACES)
    invite = call(scene)
    onward = scene.forward(invite, "bob", uri="sip:bob@192.0.2.20:5060")
    scene.back(scene.reply(onward, 180, headers=BOB))
    scene.wait(5)
    scene.reply(scene.cancel(invite), 200)
    scene.reply(scene.cancel(onward), 200)
    scene.ack(scene.reply(onward, 487, phrase="Request Terminated"))
    scene.ack(scene.reply(invite, 487, phrase="Request Terminated"))
    return scene


def busy() -> Scene:
    scene = Scene(places=PLACES)
    invite = call(scene)
    onward = scene.forward(invite, "bob", uri="sip:bob@192.0.2.20:5060")
    answered = scene.reply(onward, 486, phrase="Busy Here")
    scene.ack(answered)
    scene.ack(scene.back(answered))
    return scene


def forked() -> Scene:
    scene = Scene(places=PLACES)
    invite = call(scene)
    desk = scene.forward(invite, "desk")
    bob = scene.forward(invite, "bob", uri="sip:bob@192.0.2.20:5060")
    scene.back(scene.reply(desk, 180, to_tag="desk-tag"))
    scene.back(scene.reply(bob, 180, headers=BOB))
    scene.wait(3)
    scene.ack(scene.back(scene.reply(bob, 200, headers=BOB)))
    scene.reply(scene.cancel(desk), 200)
    scene.ack(scene.reply(desk, 487, phrase="Request Terminated", to_tag="desk-tag"))
    return scene


def lossy() -> Scene:
    """The first INVITE is lost behind the edge, and so is the first ACK."""
    scene = Scene(places=PLACES)
    invite = call(scene)
    scene.reply(invite, 100)
    onward = scene.forward(invite, "bob", uri="sip:bob@192.0.2.20:5060")
    scene.repeat(onward, 0.5)
    scene.repeat(onward, 1.0)
    scene.back(scene.reply(onward, 180, headers=BOB))
    scene.wait(1)
    ok = scene.reply(onward, 200, headers=BOB)
    told = scene.back(ok)
    scene.repeat(ok, 0.5)
    scene.repeat(told, 0.02)
    scene.ack(told)
    hang_up(scene)
    return scene


def unanswered() -> Scene:
    scene = Scene(places=PLACES)
    invite = call(scene)
    for after in (0.5, 1, 2, 4, 8, 16):
        scene.repeat(invite, after)
    return scene


def not_there() -> Scene:
    """Nobody listens on the port that alice asks, and the network says so."""
    scene = Scene(places=PLACES)
    scene.request("alice", "edge", "OPTIONS", "sip:198.51.100.1")
    scene.unreachable("alice", "edge")
    return scene


def everything_else() -> Scene:
    """Many short conversations, so that each sentence is told once."""
    scene = Scene(places=PLACES)
    names = iter(range(1000))

    def ask(method: str, **more: object) -> Seen:
        uri = str(more.pop("uri", "sip:bob@example.com"))
        call_id = str(more.pop("call_id", f"other-{next(names)}"))
        return scene.request("alice", "edge", method, uri, call_id=call_id, **more)  # type: ignore[arg-type]

    for method in ("MESSAGE", "OPTIONS", "SUBSCRIBE", "NOTIFY"):
        scene.reply(ask(method), 200)
    scene.reply(ask("MESSAGE"), 503, headers=(("Retry-After", "60"),))
    ask("MESSAGE")
    # Registrations: asked, removed, refused, and after a failure.
    alice = "sip:alice@example.com"
    scene.reply(ask("REGISTER", uri="sip:example.com", callee=alice), 200)
    for headers in ((("Contact", "*"), ("Expires", "0")), (("Contact", "<sip:a@192.0.2.1>"),)):
        scene.reply(ask("REGISTER", uri="sip:example.com", callee=alice, headers=headers), 200)
    for number in (1, 2):
        credentials = (("Authorization", "Digest x"),)
        again = ask("REGISTER", call_id="again", cseq=number, headers=credentials)
        scene.reply(again, 401)
    # Calls: from the middle, changed, with a BYE that fails, or that nobody answers.
    scene.reply(ask("BYE", to_tag="t"), 200)
    ask("ACK", to_tag="t")
    for status in (481, 0):
        invite = ask("INVITE")
        call_id = scene.items[-1].message.call_id  # type: ignore[union-attr]
        scene.reply(invite, 183)
        scene.reply(invite, 199)
        scene.ack(scene.reply(invite, 200))
        scene.reply(ask("INVITE", call_id=call_id, cseq=2, to_tag="t"), 200)
        reason = (("Reason", 'SIP;cause=200;text="done"'),)
        bye = ask("BYE", call_id=call_id, cseq=3, to_tag="t", headers=reason)
        if status:
            scene.reply(bye, status)
        else:
            scene.repeat(bye, 4)
    # Calls that end without an answer, or go on.
    scene.reply(ask("INVITE"), 180)
    reason = (("Warning", '399 edge "nobody is there"'),)
    scene.ack(scene.reply(ask("INVITE"), 480, headers=reason))
    scene.reply(ask("INVITE", to_tag="t"), 200)
    scene.reply(ask("INFO"), 200)
    scene.reply(ask("OPTIONS"), 200)
    invite = ask("INVITE")
    scene.reply(invite, 180)
    scene.cancel(invite)
    scene.ack(scene.reply(invite, 487))
    # An edge that answers in its own way, after one way after another.
    invite = ask("INVITE")
    scene.ack(scene.reply(scene.forward(invite, "bob"), 503))
    second = scene.forward(invite, "carol")
    scene.reply(second, 180)
    scene.wait(10)
    scene.forward(invite, "bob-2")
    scene.unreachable("edge", "bob-2")
    scene.wait(1)
    scene.reply(scene.forward(invite, "edge-1"), 500)
    scene.wait(1)
    scene.ack(scene.reply(invite, 480))
    # Two proxies between, and a connection that is closed or refused meanwhile.
    invite = ask("INVITE", transport="tcp")
    scene.transport = "tcp"
    far = scene.forward(scene.forward(invite, "edge-1"), "bob")
    scene.closed("bob", "edge-1")
    scene.closed("edge-1", "edge", "refused")
    scene.back(scene.back(scene.reply(far, 404)))
    scene.transport = "udp"
    # One direction, and the other.
    answered = ask("OPTIONS")
    scene.reply(answered, 200)
    scene.items.remove(answered)
    for method in ("INVITE", "PRACK"):
        ask(method, call_id="one-sided", to_tag="" if method == "INVITE" else "t")
    # Long after all this.
    scene.wait(10_000)
    ask("SUBSCRIBE", call_id="long")
    for number in range(100):
        scene.reply(ask("SUBSCRIBE", call_id="long", cseq=number + 2), 200)
    ask("MESSAGE")
    return scene


ALL = (
    plain_call,
    direct_call,
    redirected_by_proxy,
    redirected_caller,
    redirect_ignored,
    flow_failed,
    flow_reset,
    flow_closed,
    flow_forgotten,
    not_asked_again,
    silent_flow,
    lost_in_mid_call,
    two_registrations,
    registered_again,
    cancelled,
    busy,
    forked,
    lossy,
    unanswered,
    not_there,
    everything_else,
)
