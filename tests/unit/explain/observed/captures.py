"""What the outputs are tried on: a call that goes wrong, and peers that write what they like."""

from __future__ import annotations

from tests.unit.capture.packets import ipv4, pcap, udp
from tests.unit.explain.observed.support import Scene

from ringway.capture.items import Item, Seen

SCRIPT = "<script>document.title='owned'</script>"
RAW_IP = 101
DIGEST = (
    'Digest username="alice", realm="example.com", nonce="n0nce", response="deadbeef", '
    'uri="sip:bob@example.com"'
)


def troubled() -> Scene:
    """A registration, then a call: 302, followed, and a 430 that reaches the caller."""
    scene = Scene()
    contact = "<sip:alice@192.0.2.1:5060>"
    register = scene.request(
        "alice",
        "proxy",
        "REGISTER",
        "sip:example.com",
        callee="sip:alice@example.com",
        call_id="reg-1",
        headers=(("Contact", contact), ("Expires", "600")),
    )
    scene.reply(register, 200, headers=(("Contact", f"{contact};expires=600"),))
    invite = scene.request(
        "alice",
        "proxy",
        "INVITE",
        "sip:bob@example.com",
        headers=(("Contact", contact), ("Authorization", DIGEST)),
        body=b"v=0\r\n",
    )
    scene.reply(invite, 100)
    onward = scene.forward(invite, "bob", uri="sip:bob@192.0.2.3")
    scene.repeat(onward)
    moved = scene.reply(onward, 302, headers=(("Contact", "<sip:carol@192.0.2.4>"),))
    scene.ack(moved)
    again = scene.forward(invite, "carol", uri="sip:carol@192.0.2.4")
    gone = scene.reply(again, 430)
    scene.ack(gone)
    scene.ack(scene.back(gone))
    return scene


def hostile() -> Scene:
    """Somebody who writes HTML, script and escape sequences wherever text may stand."""
    scene = Scene(call_id=f"</pre>{SCRIPT}")
    sent = scene.request(
        "mallory",
        "proxy",
        "MESSAGE",
        "sip:bob@example.com",
        caller=f"sip:{SCRIPT}@example.com",
        headers=(
            ("Subject", f"<img src=x onerror=alert(1)>\x1b[31m{SCRIPT}"),
            ("Contact", "<sip:a@b>;x=\"' onmouseover='alert(1)\""),
        ),
        body=f"</span></pre></details>{SCRIPT}<svg onload=alert(1)>".encode(),
    )
    scene.reply(sent, 404, phrase=f"</text></svg>{SCRIPT}")
    return scene


def healthy(call_id: str = "fine", at: float = 1_700_000_000.0) -> Scene:
    """A call that is answered and ends."""
    scene = Scene(call_id=call_id, at=at)
    contact = (("Contact", "<sip:bob@192.0.2.2:5060>"),)
    invite = scene.request("alice", "bob", "INVITE", "sip:bob@192.0.2.2", headers=contact)
    scene.reply(invite, 180, headers=contact)
    ok = scene.reply(invite, 200, headers=contact)
    scene.ack(ok)
    bye = scene.request(
        "alice",
        "bob",
        "BYE",
        "sip:bob@192.0.2.2:5060",
        callee="sip:bob@192.0.2.2",
        to_tag="bob-tag",
        cseq=2,
    )
    scene.reply(bye, 200)
    return scene


def as_pcap(*scenes: Scene) -> bytes:
    """The messages of scenes as a capture file."""
    packets = []
    items: list[Item] = [item for scene in scenes for item in scene.items]
    for item in items:
        if isinstance(item, Seen):
            ports = (item.source.port, item.target.port)
            packet = ipv4(udp(item.data, ports), source=item.source.host, target=item.target.host)
            packets.append((item.at, packet))
    return pcap(packets, link=RAW_IP)
