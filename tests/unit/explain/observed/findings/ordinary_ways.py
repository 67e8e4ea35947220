"""More calls as they should be: redirected, challenged, and on ways of their own."""

from __future__ import annotations

from tests.unit.explain.observed.findings.ordinary_calls import (
    BOB,
    CAROL,
    PLACES,
    Call,
    answered,
    contact,
    invite,
    onward,
)
from tests.unit.explain.observed.support import Scene

from ringway.transport.flow import Address


def forwarded_by_the_proxy(scene: Scene) -> None:
    """302 of the phone; the proxy follows it to a number outside, the caller hears 181."""
    sent = invite(scene)
    found = onward(scene, sent)
    mobile = f"sip:+4930123456@{PLACES['gateway'].host}"
    scene.ack(scene.reply(found, 302, headers=(("Contact", f"<{mobile}>"),)))
    scene.reply(sent, 181)
    outside = onward(scene, sent, "gateway", uri=mobile)
    scene.back(scene.reply(outside, 183, headers=contact(scene, "gateway")))
    scene.wait(9)
    call = Call(scene, sent, outside, "gateway", 1)
    call.acknowledge(scene.back(scene.reply(outside, 200, headers=contact(scene, "gateway"))))
    call.hang_up()


def forwarded_by_the_caller(scene: Scene) -> None:
    """302 to the caller, who follows it, and again the next day."""
    for day in (1, 2):
        call_id = f"day-{day}"
        sent = invite(scene, call_id=call_id)
        moved = scene.reply(sent, 302, headers=(("Contact", f"<{CAROL}>"),))
        scene.ack(moved)
        again = scene.request(
            "alice",
            "proxy",
            "INVITE",
            CAROL,
            callee=BOB,
            cseq=2,
            call_id=call_id,
            headers=contact(scene, "alice"),
        )
        found = onward(scene, again, "carol")
        scene.back(scene.reply(found, 180, headers=contact(scene, "carol")))
        scene.wait(3)
        call = Call(scene, again, found, "carol", 2)
        ok = scene.reply(found, 200, headers=contact(scene, "carol"))
        call.acknowledge(scene.back(ok))
        scene.wait(86400)


def followed_with_a_new_call_id(scene: Scene) -> None:
    """A caller that makes a new call of each redirect, each time it calls."""
    for day in (1, 2):
        sent = invite(scene, call_id=f"asked-{day}")
        scene.ack(scene.reply(sent, 302, headers=(("Contact", f"<{CAROL}>"),)))
        again = scene.request(
            "alice",
            "proxy",
            "INVITE",
            CAROL,
            callee=BOB,
            call_id=f"followed-{day}",
            headers=contact(scene, "alice"),
        )
        found = onward(scene, again, "carol")
        refused = scene.reply(found, 486)
        scene.ack(refused)
        scene.ack(scene.back(refused))
        scene.wait(3600)


def several_contacts_in_turn(scene: Scene) -> None:
    """A redirect with two Contacts: the caller tries one, lets it ring, and tries the other."""
    told = (("Contact", f"<{CAROL}>;q=0.9"), ("Contact", "<sip:desk@example.com>;q=0.5"))
    scene.ack(scene.reply(invite(scene, call_id="asked"), 302, headers=told))
    for who in ("carol", "desk"):
        again = scene.request(
            "alice",
            "proxy",
            "INVITE",
            f"sip:{who}@example.com",
            callee=BOB,
            call_id=f"to-{who}",
            headers=contact(scene, "alice"),
        )
        found = onward(scene, again, who)
        scene.back(scene.reply(found, 180, headers=contact(scene, who)))
        scene.wait(25)
        refused = scene.reply(found, 480)
        scene.ack(refused)
        scene.ack(scene.back(refused))


def hung_up_while_redirected(scene: Scene) -> None:
    """The caller hangs up just when the redirect comes: there is nothing left to follow."""
    sent = invite(scene)
    scene.wait(2)
    cancel = scene.cancel(sent)
    scene.ack(scene.reply(sent, 302, headers=(("Contact", f"<{CAROL}>"),)))
    scene.reply(cancel, 200)


def without_the_proxy(scene: Scene) -> None:
    """A proxy that does not stay: ACK and BYE go from phone to phone."""
    sent = invite(scene)
    found = scene.forward(sent, "bob", uri=f"sip:bob@{scene.place('bob')}")
    scene.reply(found, 100)
    scene.back(scene.reply(found, 180, headers=contact(scene, "bob")))
    scene.wait(5)
    ok = scene.back(scene.reply(found, 200, headers=contact(scene, "bob")))
    scene.ack(ok, target="bob")
    scene.wait(30)
    bye = scene.request(
        "alice",
        "bob",
        "BYE",
        f"sip:bob@{scene.place('bob')}",
        callee=BOB,
        to_tag="bob-tag",
        cseq=2,
    )
    scene.reply(bye, 200)


def cancelled_too_late(scene: Scene) -> None:
    """CANCEL and 200 cross; the caller hangs up, straight to the phone."""
    sent = invite(scene)
    found = scene.forward(sent, "bob", uri=f"sip:bob@{scene.place('bob')}")
    scene.back(scene.reply(found, 180, headers=contact(scene, "bob")))
    scene.wait(5)
    cancel = scene.cancel(sent)
    ok = scene.back(scene.reply(found, 200, headers=contact(scene, "bob")))
    scene.reply(cancel, 200)
    scene.ack(ok, target="bob")
    bye = scene.request(
        "alice",
        "bob",
        "BYE",
        f"sip:bob@{scene.place('bob')}",
        callee=BOB,
        to_tag="bob-tag",
        cseq=2,
    )
    scene.reply(bye, 200)


def back_to_back(scene: Scene) -> None:
    """An agent in the middle makes a call of its own, tags, Call-ID and all."""
    outer = invite(scene, call_id="outer")
    inner = scene.request(
        "proxy",
        "bob",
        "INVITE",
        f"sip:bob@{scene.place('bob')}",
        caller="sip:alice@example.com",
        callee=BOB,
        from_tag="inner-tag",
        call_id="inner",
        headers=contact(scene, "proxy"),
    )
    scene.reply(inner, 100)
    for status in (180, 200):
        answer = scene.reply(inner, status, headers=contact(scene, "bob"))
        outside = scene.reply(outer, status, headers=contact(scene, "proxy"))
        scene.wait(5)
    scene.ack(answer)
    scene.ack(outside)
    scene.wait(30)
    ends = (
        ("alice", "proxy", "outer", "alice-tag", "proxy-tag", 2),
        ("proxy", "bob", "inner", "inner-tag", "bob-tag", 2),
    )
    for source, target, call_id, mine, theirs, cseq in ends:
        bye = scene.request(
            source,
            target,
            "BYE",
            f"sip:{target}@{scene.place(target)}",
            caller="sip:alice@example.com",
            callee=BOB,
            from_tag=mine,
            to_tag=theirs,
            call_id=call_id,
            cseq=cseq,
        )
        scene.reply(bye, 200)


def through_two_interfaces(scene: Scene) -> None:
    """The proxy has an address outside and one inside, and rewrites the Contact of a phone."""
    scene.place("inside", Address("203.0.113.77", 5060))
    private = (("Contact", "<sip:alice@10.1.1.1:5060>"),)
    sent = scene.request("alice", "proxy", "INVITE", BOB, via="10.1.1.1:5060", headers=private)
    scene.reply(sent, 100)
    found = scene.forward(
        sent,
        "bob",
        source="inside",
        drop=("contact",),
        headers=(("Contact", f"<sip:alice@{PLACES['alice']}>"),),
    )
    scene.reply(found, 100)
    scene.back(scene.reply(found, 180, headers=contact(scene, "bob")))
    scene.ack(scene.back(scene.reply(found, 200, headers=contact(scene, "bob"))))


def credentials(realm: str, nonce: str, header: str) -> tuple[str, str]:
    return (header, f'Digest username="alice", realm="{realm}", nonce="{nonce}", response="0"')


def challenged_by_proxy_and_server(scene: Scene) -> None:
    """407 of the proxy, then 401 of the server behind it, both of one realm."""
    sent = invite(scene)
    challenge = (("Proxy-Authenticate", 'Digest realm="example.com", nonce="p1"'),)
    scene.ack(scene.reply(sent, 407, headers=challenge))
    mine = [credentials("example.com", "p1", "Proxy-Authorization")]
    sent = invite(scene, cseq=2, headers=tuple(mine))
    challenge = (("WWW-Authenticate", 'Digest realm="example.com", nonce="s1"'),)
    refused = scene.reply(onward(scene, sent), 401, headers=challenge)
    scene.ack(refused)
    scene.ack(scene.back(refused))
    mine.append(credentials("example.com", "s1", "Authorization"))
    answered(scene, cseq=3, headers=tuple(mine)).hang_up()


def an_exchange_tries_the_next_flow(scene: Scene) -> None:
    """A PBX has bob's bindings: 430 from one edge is for it, and it calls again over the other."""
    binding = (("Contact", "<sip:bob@192.0.2.20:5060;ob>;expires=600"),)
    for number in (1, 2):
        scene.place(f"edge-{number}", Address(f"198.51.100.{10 + number}", 5060))
        request = scene.request(
            f"edge-{number}",
            "registrar",
            "REGISTER",
            "sip:example.com",
            caller=BOB,
            callee=BOB,
            call_id=f"register-{number}",
            headers=binding,
        )
        scene.reply(request, 200, headers=binding)
    for number, status in ((1, 430), (2, 486)):
        sent = scene.request("registrar", f"edge-{number}", "INVITE", BOB, call_id=f"leg-{number}")
        scene.ack(scene.reply(sent, status))


def phone_of_the_exchange(scene: Scene) -> None:
    request = scene.request(
        "bob",
        "proxy",
        "REGISTER",
        "sip:example.com",
        caller=BOB,
        callee=BOB,
        call_id="register",
        headers=contact(scene, "bob"),
    )
    scene.reply(request, 200, headers=contact(scene, "bob"))


def forwarded_as_the_exchange_writes_it(scene: Scene) -> None:
    """A PBX follows a redirect to a number over its trunk, as a national number."""
    phone_of_the_exchange(scene)
    sent = scene.request("proxy", "bob", "INVITE", BOB, call_id="to-the-phone")
    number = (("Contact", "<sip:+49-30-1234567@example.com>"),)
    scene.ack(scene.reply(sent, 302, headers=number))
    onward = scene.request(
        "proxy", "gateway", "INVITE", "sip:0301234567@203.0.113.5", callee=BOB, call_id="trunk"
    )
    scene.reply(onward, 183)
    scene.wait(12)
    scene.ack(scene.reply(onward, 200, headers=contact(scene, "gateway")))


def forwarded_from_another_address(scene: Scene) -> None:
    """A caller with two interfaces follows a redirect over the other one."""
    phone_of_the_exchange(scene)
    sent = scene.request("proxy", "bob", "INVITE", BOB, call_id="to-the-phone")
    scene.ack(scene.reply(sent, 302, headers=(("Contact", f"<{CAROL}>"),)))
    scene.place("outside", Address("203.0.113.77", 5060))
    onward = scene.request("outside", "carol", "INVITE", CAROL, callee=BOB, call_id="trunk")
    scene.ack(scene.reply(onward, 486))


def a_call_outlives_its_connection(scene: Scene) -> None:
    """Bob's connection breaks in the middle of a call; he comes back, registers, and hangs up."""
    call = answered(scene)
    scene.wait(30)
    scene.place("bob", PLACES["bob"]._replace(port=40100))
    again = scene.request(
        "bob",
        "proxy",
        "REGISTER",
        "sip:example.com",
        caller=BOB,
        callee=BOB,
        call_id="register-again",
        headers=contact(scene, "bob"),
    )
    scene.reply(again, 200, headers=contact(scene, "bob"))
    scene.wait(60)
    call.from_callee("BYE")


def the_first_branch_is_given_up(scene: Scene) -> None:
    """A flow is silent for two seconds; the proxy goes on to the next one, and cancels later."""
    sent = invite(scene)
    silent = scene.forward(sent, "desk", uri=f"sip:desk@{scene.place('desk')}")
    if scene.transport == "udp":
        scene.repeat(silent, 0.5)
        scene.repeat(silent, 1)
    scene.wait(0.5)
    found = onward(scene, sent)
    scene.back(scene.reply(found, 180, headers=contact(scene, "bob")))
    scene.wait(5)
    call = Call(scene, sent, found, "bob", 1)
    call.acknowledge(scene.back(scene.reply(found, 200, headers=contact(scene, "bob"))))
    call.hang_up()


def trunk(scene: Scene) -> None:
    """Nobody registers; the carrier calls and hangs up from another address than it answers at."""
    scene.place("carrier", Address("203.0.113.6", 5060))
    for number, (source, target) in enumerate((("proxy", "gateway"), ("carrier", "proxy"))):
        sent = scene.request(
            source,
            target,
            "INVITE",
            f"sip:+4930123456@{scene.place(target).host}",
            call_id=f"trunk-{number}",
            headers=contact(scene, source),
        )
        scene.reply(sent, 100)
        scene.wait(1)
        scene.reply(sent, 183, headers=contact(scene, target))
        scene.wait(6)
        scene.ack(scene.reply(sent, 200, headers=contact(scene, target)))
        scene.wait(60)
        bye = scene.request(
            "carrier",
            "proxy",
            "BYE",
            f"sip:{source}@198.51.100.1",
            caller=f"sip:+4930123456@{scene.place(target).host}",
            callee=f"sip:{source}@example.com",
            from_tag=f"{target}-tag",
            to_tag=f"{source}-tag",
            call_id=f"trunk-{number}",
            cseq=number + 2,
        )
        scene.reply(bye, 200)
