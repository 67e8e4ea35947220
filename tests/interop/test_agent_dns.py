"""Our user agent and a real DNS server: RFC 3263 with NAPTR, SRV and failover."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from tests.interop.lab import LOOPBACK, Lab
from tests.interop.name_server import NameServer, Zone, name_server
from tests.interop.ours import OurCall, Ours
from tests.interop.servers import DOMAIN
from tests.interop.sipp_servers import SippServer, sipp_server
from tests.ports import free_port

from ringway.aio.resolver import Resolver, ask_dns
from ringway.message import parse_uri
from ringway.transport.flow import Address
from ringway.ua.events import Answered, Ended, Failed, Ringing

PEERS = ("sipp", "dnsmasq")
BOB = f"sip:bob@{DOMAIN}"
TCP, UDP = f"_sip._tcp.{DOMAIN}", f"_sip._udp.{DOMAIN}"
HERE = f"here.{DOMAIN}"


def zone() -> Zone:
    return Zone().address(HERE, LOOPBACK)


def agent(lab: Lab, server: NameServer, **told: Any) -> Ours:
    names = [Address(*server.place)]
    told = {"register": False, "local": LOOPBACK, "nameservers": names, **told}
    return Ours(lab, "alice", **told)


def is_answered(call: OurCall, *servers: SippServer) -> None:
    call.event(Answered)
    call.hang_up()
    call.event(Ended, by_us=True)
    for server in servers:
        server.passed()


def busy(lab: Lab, transport: str = "udp", says: str = "503 Service Unavailable") -> SippServer:
    return sipp_server(lab, "says", transport, says=says, header="X-Nothing: more")


def test_naptr_chooses_the_transport(lab: Lab) -> None:
    stream, datagram = sipp_server(lab, "answers", "tcp"), sipp_server(lab, "answers")
    names = zone().naptr(DOMAIN, 20, 10, "SIP+D2U", UDP).naptr(DOMAIN, 10, 10, "SIP+D2T", TCP)
    names.srv(TCP, HERE, stream.port).srv(UDP, HERE, datagram.port)
    is_answered(agent(lab, name_server(lab, names)).call(BOB), stream)
    assert datagram.received("INVITE") == 0


def test_without_naptr_srv_is_asked_for_each_transport(lab: Lab) -> None:
    stream = sipp_server(lab, "answers", "tcp")
    server = name_server(lab, zone().srv(TCP, HERE, stream.port))
    is_answered(agent(lab, server).call(BOB), stream)
    assert server.asked("NAPTR", DOMAIN)
    assert server.asked("SRV", UDP)


def test_the_next_server_after_refusal_and_503(lab: Lab) -> None:
    failing, answers = busy(lab, "tcp"), sipp_server(lab, "answers", "tcp")
    names = zone().srv(TCP, HERE, free_port(), 1).srv(TCP, HERE, failing.port, 2)
    names.srv(TCP, HERE, answers.port, 3)
    is_answered(agent(lab, name_server(lab, names)).call(BOB), failing, answers)
    asked = (failing, answers)
    assert len({server.values("Via")[0] for server in asked}) == 2  # a branch of its own each
    assert len({server.values("Call-ID")[0] for server in asked}) == 1
    assert failing.values("Via", "ACK") == failing.values("Via")  # the ACK to the same server


def test_the_next_server_after_silence(lab: Lab) -> None:
    silent, answers = sipp_server(lab, "silent"), sipp_server(lab, "answers")
    names = zone().srv(UDP, HERE, silent.port, 1).srv(UDP, HERE, answers.port, 2)
    call = agent(lab, name_server(lab, names)).call(BOB)
    call.event(Answered, 40)
    call.hang_up()
    answers.passed()
    assert silent.received("INVITE") > 1


def test_a_refusal_by_the_callee_is_no_reason_for_another_server(lab: Lab) -> None:
    refuses, answers = busy(lab, says="486 Busy Here"), sipp_server(lab, "answers")
    names = zone().srv(UDP, HERE, refuses.port, 1).srv(UDP, HERE, answers.port, 2)
    call = agent(lab, name_server(lab, names)).call(BOB)
    assert call.event(Failed).failure.status == 486
    refuses.passed()
    assert answers.received("INVITE") == 0


def test_cancel_goes_where_the_invite_went(lab: Lab) -> None:
    ringing, other = sipp_server(lab, "cancelled"), sipp_server(lab, "answers")
    names = zone().srv(UDP, HERE, free_port(), 1).srv(UDP, HERE, ringing.port, 2)
    names.srv(UDP, HERE, other.port, 3)
    call = agent(lab, name_server(lab, names)).call(BOB)
    call.event(Ringing, status=180)
    call.hang_up()
    ringing.passed()
    assert ringing.values("Via", "CANCEL") == ringing.values("Via")
    assert other.received("CANCEL") == 0


def test_no_such_domain(lab: Lab) -> None:
    call = agent(lab, name_server(lab, zone())).call("sip:bob@nowhere.test")
    failure = call.event(Failed).failure
    assert failure.status == 503
    assert "nowhere.test" in failure.text


@pytest.mark.parametrize(("weights", "share"), [((300, 100), 0.75), ((900, 100), 0.9)])
def test_weights(lab: Lab, weights: tuple[int, int], share: float) -> None:
    names = zone()
    for port, weight in enumerate(weights, start=5001):
        names.srv(TCP, HERE, port, 0, weight)
    server = name_server(lab, names.naptr(DOMAIN, 1, 1, "SIP+D2T", TCP))

    async def first_hops(times: int) -> Counter[int]:
        resolver = Resolver(ask_dns([Address(*server.place)]), hosts_file=None)
        found = [await resolver.locate(parse_uri(BOB)) for _ in range(times)]
        assert all(len(hops) == 2 for hops in found)
        return Counter(hops[0].address.port for hops in found)

    counts = asyncio.run(first_hops(4000))
    assert counts[5001] / 4000 == pytest.approx(share, abs=0.04)  # over five sigma
    assert server.asked("SRV", TCP) == 1  # the answer is kept
