"""Calls as they should be, of the kinds that look most like trouble.

Each function plays its call on a scene, whose transport decides how timers show.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.unit.explain.observed.support import Headers, Scene

from ringway.capture.items import Seen
from ringway.transport.flow import Address

PLACES = {
    "alice": Address("192.0.2.10", 5060),
    "bob": Address("192.0.2.20", 5060),
    "carol": Address("192.0.2.30", 5060),
    "desk": Address("192.0.2.40", 5060),
    "proxy": Address("198.51.100.1", 5060),
    "registrar": Address("198.51.100.2", 5060),
    "gateway": Address("203.0.113.5", 5060),
}
BOB = "sip:bob@example.com"
CAROL = "sip:carol@example.com"
ROUTE = "<sip:198.51.100.1;lr>"
INSTANCE = '"<urn:uuid:00000000-0000-1000-8000-00000000000{}>"'


def contact(scene: Scene, who: str) -> Headers:
    return (("Contact", f"<sip:{who}@{scene.place(who)}>"),)


@dataclass
class Call:
    """A call of alice's through a proxy that stays in it, up to where it was answered.

    Attributes:
        scene: where it plays.
        invite: what alice sent.
        onward: what the proxy made of it.
        callee: who was called.
        cseq: the last number of alice's requests.
        back: the last number of the callee's requests.
    """

    scene: Scene
    invite: Seen
    onward: Seen
    callee: str
    cseq: int
    back: int = 0

    def from_caller(self, method: str, *, status: int = 200, headers: Headers = ()) -> Seen:
        """Send a request of alice's within the call, and answer it; return the answer."""
        self.cseq += 1
        return self._within("alice", self.callee, method, self.cseq, status, headers)

    def from_callee(self, method: str, *, status: int = 200, headers: Headers = ()) -> Seen:
        """Send a request of the callee's within the call, and answer it."""
        self.back += 1
        return self._within(self.callee, "alice", method, self.back, status, headers)

    def acknowledge(self, ok: Seen) -> None:
        """Send the ACK to a 2xx as it arrived, through the proxy."""
        ack = self.scene.ack(ok, headers=(("Route", ROUTE),))
        ends = {"alice": self.callee, self.callee: "alice"}
        self.scene.forward(ack, ends[self.scene.name(ack.source)], drop=("route",))

    def hang_up(self) -> None:
        """Let alice hang up."""
        self.from_caller("BYE")

    def _within(
        self, source: str, target: str, method: str, cseq: int, status: int, headers: Headers
    ) -> Seen:
        scene = self.scene
        request = scene.request(
            source,
            "proxy",
            method,
            f"sip:{target}@{scene.place(target)}",
            caller=f"sip:{source}@example.com",
            callee=f"sip:{target}@example.com",
            to_tag=f"{target}-tag",
            call_id=_call_id(self.invite),
            cseq=cseq,
            headers=(("Route", ROUTE), *contact(scene, source), *headers),
        )
        onward = scene.forward(request, target, drop=("route",), headers=(("Record-Route", ROUTE),))
        return scene.back(scene.reply(onward, status, headers=contact(scene, target)))


def _call_id(seen: Seen) -> str:
    assert seen.message is not None
    return seen.message.call_id


def invite(
    scene: Scene, *, callee: str = BOB, cseq: int = 1, headers: Headers = (), call_id: str = ""
) -> Seen:
    """Let alice call through the proxy, which says 100."""
    sent = scene.request(
        "alice",
        "proxy",
        "INVITE",
        callee,
        cseq=cseq,
        call_id=call_id,
        headers=(*contact(scene, "alice"), *headers),
    )
    scene.reply(sent, 100)
    return sent


def onward(scene: Scene, sent: Seen, who: str = "bob", *, uri: str = "") -> Seen:
    """Let the proxy send it on to a phone, which says 100."""
    uri = uri or f"sip:{who}@{scene.place(who)}"
    found = scene.forward(sent, who, uri=uri, headers=(("Record-Route", ROUTE),))
    scene.reply(found, 100)
    return found


def answered(scene: Scene, *, cseq: int = 1, headers: Headers = (), call_id: str = "") -> Call:
    """Let alice call bob, and bob answer."""
    sent = invite(scene, cseq=cseq, headers=headers, call_id=call_id)
    found = onward(scene, sent)
    scene.back(scene.reply(found, 180, headers=contact(scene, "bob")))
    scene.wait(4)
    call = Call(scene, sent, found, "bob", cseq)
    call.acknowledge(scene.back(scene.reply(found, 200, headers=contact(scene, "bob"))))
    scene.wait(20)
    return call


def plain(scene: Scene) -> None:
    answered(scene).hang_up()


def hold(scene: Scene) -> None:
    """Re-INVITEs of both sides, and two that meet (491)."""
    call = answered(scene)
    call.acknowledge(call.from_caller("INVITE"))
    scene.wait(30)
    call.acknowledge(call.from_callee("INVITE"))
    refused = call.from_caller("INVITE", status=491)
    scene.ack(refused)
    scene.wait(2.3)
    call.acknowledge(call.from_caller("INVITE"))
    call.hang_up()


def session_timer(scene: Scene) -> None:
    """422 first, then an hour with refreshes, by UPDATE and by re-INVITE."""
    sent = invite(scene, headers=(("Session-Expires", "60"),))
    small = scene.reply(onward(scene, sent), 422, headers=(("Min-SE", "1800"),))
    scene.ack(small)
    scene.ack(scene.back(small))
    call = answered(scene, cseq=2, headers=(("Session-Expires", "1800"), ("Min-SE", "1800")))
    for _ in range(4):
        scene.wait(900)
        call.from_caller("UPDATE")
        call.acknowledge(call.from_callee("INVITE"))
    call.hang_up()


def reliable_provisional(scene: Scene) -> None:
    """A carrier's 183 with SDP, PRACK, UPDATE, then ringing."""
    sent = invite(scene, headers=(("Supported", "100rel"),))
    found = onward(scene, sent)
    call = Call(scene, sent, found, "bob", 1)
    for number, status in ((1, 183), (2, 180)):
        headers = (("Require", "100rel"), ("RSeq", str(number)), *contact(scene, "bob"))
        scene.back(scene.reply(found, status, headers=headers, body=b"v=0\r\n"))
        call.from_caller("PRACK", headers=(("RAck", f"{number} 1 INVITE"),))
    call.from_caller("UPDATE")
    scene.wait(15)
    call.acknowledge(scene.back(scene.reply(found, 200, headers=contact(scene, "bob"))))
    call.hang_up()


def carrier_refuses(scene: Scene) -> None:
    """183 with an announcement, then 486 with a cause."""
    sent = invite(scene)
    found = onward(scene, sent, "gateway")
    scene.back(scene.reply(found, 183, body=b"v=0\r\n", headers=contact(scene, "gateway")))
    scene.wait(25)
    busy = scene.reply(found, 486, headers=(("Reason", "Q.850;cause=17"),))
    scene.ack(busy)
    scene.ack(scene.back(busy))


def two_phones(scene: Scene) -> None:
    """Both phones of bob ring; one answers, the other is cancelled."""
    sent = invite(scene)
    first, second = onward(scene, sent, "bob"), onward(scene, sent, "desk")
    for place, found in (("bob", first), ("desk", second)):
        scene.back(scene.reply(found, 180, headers=contact(scene, place)))
    scene.wait(6)
    ok = scene.back(scene.reply(first, 200, headers=contact(scene, "bob")))
    scene.reply(scene.cancel(second), 200)
    scene.ack(scene.reply(second, 487))
    call = Call(scene, sent, first, "bob", 1)
    call.acknowledge(ok)
    scene.wait(60)
    call.hang_up()


def both_answer(scene: Scene) -> None:
    """Two 2xx of one fork: the caller keeps one, and hangs up the other."""
    sent = invite(scene)
    first, second = onward(scene, sent, "bob"), onward(scene, sent, "desk")
    for place, found in (("bob", first), ("desk", second)):
        scene.back(scene.reply(found, 183, headers=contact(scene, place)))
    scene.wait(3)
    one = scene.back(scene.reply(first, 200, headers=contact(scene, "bob")))
    scene.cancel(second)
    other = scene.back(scene.reply(second, 200, headers=contact(scene, "desk")))
    Call(scene, sent, first, "bob", 1).acknowledge(one)
    late = Call(scene, sent, second, "desk", 1)
    late.acknowledge(other)
    late.hang_up()
    scene.wait(60)
    Call(scene, sent, first, "bob", 1).hang_up()


def one_after_the_other(scene: Scene) -> None:
    """Nobody picks up at the desk: CANCEL, then the mobile."""
    sent = invite(scene)
    desk = onward(scene, sent, "desk")
    scene.back(scene.reply(desk, 180, headers=contact(scene, "desk")))
    scene.wait(20)
    scene.reply(scene.cancel(desk), 200)
    scene.ack(scene.reply(desk, 487))
    bob = onward(scene, sent, "bob")
    scene.back(scene.reply(bob, 180, headers=contact(scene, "bob")))
    scene.wait(5)
    call = Call(scene, sent, bob, "bob", 1)
    call.acknowledge(scene.back(scene.reply(bob, 200, headers=contact(scene, "bob"))))
    call.hang_up()


def given_up(scene: Scene) -> None:
    """The caller hangs up while it rings."""
    sent = invite(scene)
    found = onward(scene, sent)
    scene.back(scene.reply(found, 180, headers=contact(scene, "bob")))
    scene.wait(30)
    scene.reply(scene.cancel(sent), 200)
    scene.reply(scene.cancel(found), 200)
    ended = scene.reply(found, 487)
    scene.ack(ended)
    scene.ack(scene.back(ended))


def transfer(scene: Scene) -> None:
    """REFER, its NOTIFYs, and the call it asks for, which replaces another one."""
    call = answered(scene)
    call.acknowledge(call.from_callee("INVITE"))
    call.from_callee("REFER", status=202, headers=(("Refer-To", f"<{CAROL}>"),))
    state = (("Event", "refer"), ("Subscription-State", "active"))
    call.from_caller("NOTIFY", headers=state)
    sent = scene.request(
        "alice",
        "proxy",
        "INVITE",
        CAROL,
        call_id="transferred",
        headers=(*contact(scene, "alice"), ("Replaces", "x;to-tag=a;from-tag=b")),
    )
    scene.reply(sent, 100)
    found = onward(scene, sent, "carol")
    second = Call(scene, sent, found, "carol", 1)
    second.acknowledge(scene.back(scene.reply(found, 200, headers=contact(scene, "carol"))))
    call.from_caller("NOTIFY", headers=(("Event", "refer"), ("Subscription-State", "terminated")))
    call.from_callee("BYE")
    scene.wait(100)
    second.hang_up()


def both_hang_up(scene: Scene) -> None:
    """Two BYEs meet: one is answered with 481."""
    call = answered(scene)
    call.hang_up()
    call.from_callee("BYE", status=481)
