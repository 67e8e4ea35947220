"""What is found in a scene, and the scenes that several tests need.

`shows`, `nearly` and `hides` name a finding in the test that proves it; the table of findings in
the docs is made from the first two.
"""

from __future__ import annotations

from tests.unit.explain.observed.support import Headers, Scene

from ringway.capture.items import Seen, Trouble
from ringway.codes import Language
from ringway.explain.observed.finding import Finding, Severity
from ringway.explain.observed.findings import Across, find
from ringway.explain.observed.findings.texts import told
from ringway.explain.observed.tracer import Tracer

AOR = "sip:bob@example.com"
PHONE = "sip:bob@192.0.2.77:5060"
INSTANCE = '"<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"'


def look(scene: Scene) -> list[Finding]:
    """Return everything that is found in a scene."""
    tracer, across = Tracer(), Across()
    found: list[Finding] = []
    for item in scene.items:
        if isinstance(item, Trouble):
            continue
        across.item(item)
        for conversation in tracer.feed(item):
            across.conversation(conversation, tracer.flows)
            found += find(conversation, tracer.flows)
    for conversation in tracer.close():
        across.conversation(conversation, tracer.flows)
        found += find(conversation, tracer.flows)
    found += across.close(tracer.flows)
    frames = {frame for item in scene.items for frame in item.frames}
    for each in found:
        assert each.frames, each
        assert set(each.frames) <= frames, each
        for language in Language:
            assert "{" not in told(each, language).what
    return found


def shows(scene: Scene, name: str) -> Finding:
    """Return the finding of that name, which must be there once."""
    found = look(scene)
    named = [each for each in found if each.name == name]
    assert len(named) == 1, [each.name for each in found]
    return named[0]


def hides(scene: Scene, name: str) -> None:
    """See that nothing of that name is found."""
    assert name not in [each.name for each in look(scene)]


def nearly(scene: Scene, name: str) -> None:
    """See that nothing of that name is found, though all but the deciding fact is there."""
    hides(scene, name)


def healthy(scene: Scene) -> None:
    """See that nothing is found that is wrong or suspicious."""
    assert [each for each in look(scene) if each.severity is not Severity.NOTE] == []


def later(scene: Scene, seconds: float) -> None:
    """Let time pass, until something that has nothing to do with it is captured."""
    scene.wait(seconds)
    ping = scene.request(
        "monitor", "elsewhere", "OPTIONS", "sip:x@example.net", call_id=f"later-{scene.now}"
    )
    scene.reply(ping, 200)


def register(
    scene: Scene,
    phone: str,
    edge: str = "edge",
    *,
    reg_id: int = 0,
    contact: str = PHONE,
    expires: int = 3600,
    call_id: str = "",
    cseq: int = 1,
    answer: Headers = (),
    transport: str = "",
    status: int = 200,
    via: str = "",
) -> tuple[Seen, Seen]:
    """Register bob over a flow; return REGISTER and response."""
    params = f";reg-id={reg_id};+sip.instance={INSTANCE}" if reg_id else ""
    binding = f"<{contact}>{params};expires={expires}"
    request = scene.request(
        phone,
        edge,
        "REGISTER",
        "sip:example.com",
        caller=AOR,
        callee=AOR,
        call_id=call_id or f"register-{phone}-{edge}",
        cseq=cseq,
        transport=transport,
        headers=(("Contact", binding), ("Supported", "outbound, path")),
        via=via,
    )
    required: Headers = (("Require", "outbound"),) if reg_id else ()
    if status == 200:
        answer = (("Contact", binding), *required, *answer)
    return request, scene.reply(request, status, headers=answer)


def talk(
    scene: Scene, *, contact: str = "", headers: Headers = (), ending: bool = True
) -> tuple[Seen, Seen]:
    """Let alice call bob directly and hang up; return INVITE and 200."""
    mine = contact or f"sip:alice@{scene.place('alice')}"
    invite = scene.request(
        "alice", "bob", "INVITE", AOR, headers=(("Contact", f"<{mine}>"), *headers)
    )
    scene.reply(invite, 180)
    ok = scene.reply(invite, 200, headers=(("Contact", f"<sip:bob@{scene.place('bob')}>"),))
    scene.ack(ok)
    if ending:
        scene.wait(5)
        bye = scene.request(
            "alice",
            "bob",
            "BYE",
            f"sip:bob@{scene.place('bob')}",
            callee=AOR,
            to_tag="bob-tag",
            cseq=2,
        )
        scene.reply(bye, 200)
    return invite, ok
