"""Registrations, subscriptions and signs of life as they should be."""

from __future__ import annotations

from tests.unit.explain.observed.findings.ordinary_calls import (
    BOB,
    INSTANCE,
    PLACES,
    contact,
    invite,
)
from tests.unit.explain.observed.support import Headers, Scene

from ringway.capture.items import Seen
from ringway.transport.flow import Address


def register(
    scene: Scene,
    phone: str,
    binding: str,
    *,
    server: str = "proxy",
    cseq: int = 1,
    call_id: str = "",
    aor: str = BOB,
    status: int = 200,
    nonce: str = "",
    asks: str = "",
    answer: Headers = (),
    others: str = "",
    stored: str = "",
    via: str = "",
) -> Seen:
    """Register a binding; return the answer.

    Args:
        scene: where it plays.
        phone: who registers.
        binding: the value of Contact.
        server: with whom.
        cseq: the number of CSeq.
        call_id: the Call-ID, the phone's if it is left out.
        aor: for whom.
        status: of the answer.
        nonce: the challenge that is answered.
        asks: the challenge of a 401.
        answer: more headers in the answer.
        others: the bindings in a 2xx before this one.
        stored: the binding in a 2xx, if it is not the one that was asked for.
        via: the sent-by.
    """
    headers: Headers = (("Contact", binding),)
    if nonce:
        value = f'Digest username="bob", realm="example.com", nonce="{nonce}", response="0"'
        headers += (("Authorization", value),)
    request = scene.request(
        phone,
        server,
        "REGISTER",
        "sip:example.com",
        caller=aor,
        callee=aor,
        call_id=call_id or f"register-{phone}",
        cseq=cseq,
        headers=headers,
        via=via,
    )
    if asks:
        answer = (("WWW-Authenticate", f'Digest realm="example.com", {asks}'), *answer)
    if status == 200:
        bound = stored or binding
        answer = (("Contact", f"{others}, {bound}" if others else bound), *answer)
    return scene.reply(request, status, headers=answer)


def a_day_with_stale_nonces(scene: Scene) -> None:
    """Each hour the nonce has grown old."""
    register(scene, "bob", f"<sip:bob@{PLACES['bob']}>", status=401, asks='nonce="n0"')
    for hour in range(6):
        binding = f"<sip:bob@{PLACES['bob']}>;expires=3600"
        number = 2 * hour + 2
        register(scene, "bob", binding, cseq=number, nonce=f"n{hour}")
        scene.wait(3300)
        again = f'nonce="n{hour + 1}", stale=true'
        register(scene, "bob", binding, cseq=number + 1, nonce=f"n{hour}", status=401, asks=again)


def a_short_expiry_and_nonces_for_one_use(scene: Scene) -> None:
    """A phone that registers every ten seconds, and is challenged each time."""
    binding = f"<sip:bob@{PLACES['bob']}>;expires=15"
    for number in range(12):
        old = f"n{number - 1}" if number else ""
        asks = f'nonce="n{number}"'
        register(scene, "bob", binding, cseq=2 * number + 1, nonce=old, status=401, asks=asks)
        register(scene, "bob", binding, cseq=2 * number + 2, nonce=f"n{number}")
        scene.wait(10)


def beside_a_phone_that_stays_longer(scene: Scene) -> None:
    """The answer lists another phone's binding first, which holds for an hour."""
    binding = f"<sip:bob@{PLACES['bob']}>;expires=10"
    others = f"<sip:bob@{PLACES['desk']}>;expires=3600"
    for number in range(12):
        register(scene, "bob", binding, cseq=number + 1, others=others)
        scene.wait(8)


def another_contact(scene: Scene) -> None:
    """The phone comes from another network: it removes the old Contact and adds the new one."""
    old, new = f"<sip:bob@{PLACES['bob']}>", f"<sip:bob@{PLACES['desk']}>"
    register(scene, "bob", f"{old};expires=600")
    scene.wait(300)
    register(scene, "desk", f"{old};expires=0", cseq=2, call_id="register-bob")
    register(scene, "desk", f"{new};expires=600", cseq=3, call_id="register-bob")


def too_brief(scene: Scene) -> None:
    binding = f"<sip:bob@{PLACES['bob']}>"
    brief = (("Min-Expires", "600"),)
    register(scene, "bob", f"{binding};expires=60", status=423, answer=brief)
    register(scene, "bob", f"{binding};expires=600", cseq=2)


def an_office_wakes_up(scene: Scene) -> None:
    """Eight phones of one user behind one NAT, without instance-ids, after a power cut."""
    for number in range(8):
        phone = f"phone-{number}"
        scene.place(phone, Address("203.0.113.9", 40000 + number))
        inside = f"10.0.0.{number + 10}:5060"
        binding = f"<sip:bob@{inside}>;expires=3600"
        stored = f"<sip:bob@{scene.place(phone)}>;expires=3600"
        register(scene, phone, binding, via=inside, status=401, asks=f'nonce="n{number}"')
        register(scene, phone, binding, via=inside, cseq=2, nonce=f"n{number}", stored=stored)


def an_office_with_stun(scene: Scene) -> None:
    """The same, and each phone has learned its address outside."""
    for number in range(8):
        phone = f"phone-{number}"
        outside = scene.place(phone, Address("203.0.113.9", 40000 + number))
        register(scene, phone, f"<sip:bob@{outside}>;expires=3600")


def a_poll_of_the_bindings(scene: Scene) -> None:
    """Somebody asks every five seconds what is registered."""
    for number in range(12):
        request = scene.request(
            "alice",
            "proxy",
            "REGISTER",
            "sip:example.com",
            caller=BOB,
            callee=BOB,
            call_id="poll",
            cseq=number + 1,
        )
        scene.reply(request, 200, headers=(("Contact", "<sip:bob@192.0.2.20>;expires=100"),))
        scene.wait(5)


def outbound(phone: int, reg_id: int, private: str) -> str:
    instance = INSTANCE.format(phone)
    return f"<sip:bob@{private};ob>;reg-id={reg_id};+sip.instance={instance};expires=600"


def token(phone: int, reg_id: int) -> str:
    return f"<sip:flow-{phone}-{reg_id}@198.51.100.{10 + reg_id};lr;ob>"


def two_phones_two_flows_each(scene: Scene) -> None:
    """Phones in two homes have the same private address; a call goes to one flow of each."""
    for phone in (1, 2):
        for reg_id in (1, 2):
            place, edge = f"phone-{phone}-{reg_id}", f"edge-{reg_id}"
            scene.place(place, Address(f"192.0.2.{100 + phone}", 40000 + reg_id))
            scene.place(edge, Address(f"198.51.100.{10 + reg_id}", 5060))
            binding = outbound(phone, reg_id, "10.0.0.5:5060")
            request = scene.request(
                place,
                edge,
                "REGISTER",
                "sip:example.com",
                caller=BOB,
                callee=BOB,
                call_id=f"register-{place}",
                headers=(("Contact", binding), ("Supported", "path, outbound")),
                via="10.0.0.5:5060",
            )
            path = (("Path", token(phone, reg_id)),)
            onward = scene.forward(request, "registrar", headers=path)
            granted = (("Contact", binding), ("Require", "outbound"), ("Flow-Timer", "120"))
            scene.back(scene.reply(onward, 200, headers=granted))
    scene.wait(20)
    sent = scene.request("alice", "registrar", "INVITE", BOB, headers=contact(scene, "alice"))
    scene.reply(sent, 100)
    tried = []
    for phone in (1, 2):
        route = (("Route", token(phone, phone)),)
        first = scene.forward(sent, f"edge-{phone}", uri="sip:bob@10.0.0.5:5060;ob", headers=route)
        last = scene.forward(first, f"phone-{phone}-{phone}", drop=("route",))
        scene.back(scene.back(scene.reply(last, 180)))
        tried.append((first, last))
    (_, winner), (lost, loser) = tried
    scene.wait(4)
    ok = scene.back(scene.back(scene.reply(winner, 200)))
    scene.reply(scene.cancel(lost), 200)
    scene.reply(scene.cancel(loser), 200)
    ended = scene.reply(loser, 487)
    scene.ack(ended)
    scene.ack(scene.back(ended))
    scene.ack(ok)


def kept_alive(scene: Scene) -> None:
    """Flow-Timer is told on every hop; only the phone keeps its flow alive."""
    scene.opened("bob", "proxy", "tcp")
    scene.transport = "tcp"
    binding = outbound(1, 1, "192.0.2.20:5060")
    request = scene.request(
        "bob",
        "proxy",
        "REGISTER",
        "sip:example.com",
        caller=BOB,
        callee=BOB,
        call_id="r",
        headers=(("Contact", binding), ("Supported", "path, outbound")),
    )
    onward = scene.forward(request, "registrar", headers=(("Path", "<sip:t@proxy;lr;ob>"),))
    granted = (("Contact", binding), ("Require", "outbound"), ("Flow-Timer", "120"))
    scene.back(scene.reply(onward, 200, headers=granted))
    for _ in range(4):
        scene.wait(110)
        scene.keep_alive("bob", "proxy")
        scene.keep_alive("proxy", "bob", answer=True)


def in_a_browser(scene: Scene) -> None:
    """A WebSocket client without an address; the server pings it; the tab is closed."""
    scene.transport = "ws"
    scene.place("bob", Address("192.0.2.20", 51000))
    scene.opened("bob", "proxy")
    binding = f"<sip:x7@df7.invalid;transport=ws;ob>;reg-id=1;+sip.instance={INSTANCE.format(1)}"
    granted = (("Require", "outbound"), ("Flow-Timer", "120"))
    register(scene, "bob", f"{binding};expires=600", via="df7.invalid", answer=granted)
    for _ in range(4):
        scene.wait(60)
        scene.keep_alive("proxy", "bob", "websocket")
        scene.keep_alive("bob", "proxy", "websocket", answer=True)
    sent = scene.request("alice", "proxy", "INVITE", BOB, headers=contact(scene, "alice"))
    onward = scene.forward(sent, "bob", uri="sip:x7@df7.invalid;transport=ws")
    scene.back(scene.reply(onward, 180))
    refused = scene.reply(onward, 603)
    scene.ack(refused)
    scene.ack(scene.back(refused))
    scene.closed("bob", "proxy")
    scene.wait(300)
    scene.transport = "udp"
    pings(scene)


def in_a_log_of_a_server(scene: Scene) -> None:
    """TLS as a server tells it: there are no pings in it, though others' are captured."""
    scene.transport = "tls"
    granted = (("Require", "outbound"), ("Flow-Timer", "120"))
    register(scene, "bob", outbound(1, 1, "192.0.2.20:5061"), answer=granted)
    scene.wait(300)
    scene.keep_alive("desk", "proxy", transport="tcp")


def pings(scene: Scene) -> None:
    """A gateway without a registration is asked every 30 s whether it lives."""
    for number in range(8):
        ping = scene.request(
            "proxy", "gateway", "OPTIONS", f"sip:{PLACES['gateway']}", call_id=f"ping-{scene.now}"
        )
        scene.reply(ping, (200, 404, 483)[number % 3])
        scene.wait(30)


def subscriptions(scene: Scene) -> None:
    """SUBSCRIBE with its NOTIFYs, and a PUBLISH that has to begin again (412)."""
    sub = scene.request(
        "alice",
        "proxy",
        "SUBSCRIBE",
        BOB,
        call_id="sub",
        headers=(*contact(scene, "alice"), ("Event", "presence"), ("Expires", "3600")),
    )
    scene.reply(sub, 202, headers=contact(scene, "proxy"))
    for number in range(3):
        notify = scene.request(
            "proxy",
            "alice",
            "NOTIFY",
            f"sip:alice@{PLACES['alice']}",
            caller=BOB,
            callee="sip:alice@example.com",
            from_tag="proxy-tag",
            to_tag="alice-tag",
            call_id="sub",
            cseq=number + 1,
            headers=contact(scene, "proxy"),
        )
        scene.reply(notify, 200 if number < 2 else 481)
        scene.wait(1800)
    for number, status in enumerate((412, 200)):
        publish = scene.request("bob", "proxy", "PUBLISH", BOB, call_id="pub", cseq=number + 1)
        scene.reply(publish, status)


def the_next_server(scene: Scene) -> None:
    """A load balancer has no room, the next one takes the call."""
    refused = scene.reply(invite(scene), 503, headers=(("Retry-After", "5"),))
    scene.ack(refused)
    second = scene.request("alice", "registrar", "INVITE", BOB, cseq=2)
    scene.reply(second, 100)
    scene.ack(scene.reply(second, 200, headers=contact(scene, "registrar")))


def a_long_way(scene: Scene) -> None:
    """Over a satellite each way takes 300 ms: timers run, nothing is lost."""
    sent = scene.request("alice", "proxy", "INVITE", BOB, headers=contact(scene, "alice"))
    scene.repeat(sent, 0.5)
    scene.wait(0.08)
    trying = scene.reply(sent, 100)
    scene.repeat(trying, 0.5)
    scene.reply(sent, 180)
    scene.wait(3)
    ok = scene.reply(sent, 200, headers=contact(scene, "proxy"))
    scene.repeat(ok, 0.5)
    scene.wait(0.1)
    scene.ack(ok)


def a_slow_phone(scene: Scene) -> None:
    """It says nothing before it rings."""
    sent = scene.request("alice", "bob", "INVITE", BOB, headers=contact(scene, "alice"))
    scene.repeat(sent, 0.5)
    scene.wait(0.1)
    scene.reply(sent, 180)
    scene.wait(3)
    scene.ack(scene.reply(sent, 200, headers=contact(scene, "bob")))


def phones_are_asked(scene: Scene) -> None:
    """A server keeps NATs open with an OPTIONS that it sends once, and does not wait for."""
    for number in range(6):
        ping = scene.request("proxy", "bob", "OPTIONS", BOB, call_id=f"open-{number}")
        if number % 2:
            scene.reply(ping, 200)
        scene.wait(30)


def a_word(scene: Scene) -> None:
    """MESSAGE through a proxy, to a phone that is there and to one that is not."""
    for status in (200, 480):
        sent = scene.request("alice", "proxy", "MESSAGE", BOB, call_id=f"word-{status}")
        onward = scene.forward(sent, "bob")
        scene.back(scene.reply(onward, status))


def after_a_restart(scene: Scene) -> None:
    """The server closes its connections; the phone comes back within a minute."""
    scene.opened("bob", "proxy", "tcp")
    scene.transport = "tcp"
    register(scene, "bob", outbound(1, 1, "192.0.2.20:5060"), answer=(("Require", "outbound"),))
    scene.wait(100)
    scene.closed("proxy", "bob")
    scene.wait(20)
    scene.place("bob", PLACES["bob"]._replace(port=40001))
    scene.opened("bob", "proxy")
    again = (("Require", "outbound"),)
    register(scene, "bob", outbound(1, 1, "192.0.2.20:40001"), cseq=2, answer=again)


def the_next_address(scene: Scene) -> None:
    """The first server of the domain refuses the connection, the next one takes the call."""
    scene.transport = "tcp"
    scene.closed("registrar", "alice", "refused")
    scene.opened("alice", "proxy")
    sent = invite(scene)
    scene.ack(scene.reply(sent, 200, headers=contact(scene, "proxy")))


def a_moving_port(scene: Scene) -> None:
    """A NAT gives out another port, though the phone was never quiet for long."""
    for number in range(4):
        phone = f"phone-{number}"
        scene.place(phone, Address("203.0.113.9", 40000 + number))
        stored = f"<sip:bob@{scene.place(phone)}>;expires=60"
        register(
            scene,
            phone,
            "<sip:bob@10.0.0.5:5060>;expires=60",
            cseq=number + 1,
            call_id="r",
            via="10.0.0.5:5060",
            stored=stored,
        )
        scene.wait(20)
