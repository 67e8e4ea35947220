import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest
from tests.unit.aio.support import LOOPS, run

from ringway.aio.resolver import (
    CACHE_SIZE,
    FAILURE_TTL,
    HOSTS_TTL,
    NEGATIVE_TTL,
    Resolver,
    Result,
    _record,
    ask_dns,
    read_hosts,
)
from ringway.aio.sockets import address_of, bind_datagram
from ringway.message.uri import parse_uri
from ringway.transport.flow import Address, NextHop
from ringway.transport.nexthop import Answer, Naptr, Query, Srv

ZONE = {
    ("example.com.", "NAPTR"): '50 50 "s" "SIP+D2T" "" _sip._tcp.example.com.',
    ("_sip._tcp.example.com.", "SRV"): "10 0 5080 one.example.com.",
    ("one.example.com.", "A"): "192.0.2.1",
    ("one.example.com.", "AAAA"): "2001:db8::1",
    ("alias.example.com.", "CNAME"): "one.example.com.",
}
SOA = "ns.example.com. hostmaster.example.com. 1 7200 900 1209600 30"


class NameServer(asyncio.DatagramProtocol):
    """A name server for one zone, on loopback."""

    def __init__(self, ttl: int = 300) -> None:
        self.asked: list[tuple[str, str]] = []
        self.ttl = ttl
        self.rcode: dns.rcode.Rcode | None = None
        self.transport: asyncio.DatagramTransport | None = None
        self.address = Address("", 0)

    async def __aenter__(self) -> Self:
        sock = bind_datagram(Address("127.0.0.1", 0))
        self.address = address_of(sock)
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=sock)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.transport is not None
        self.transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, rrtype = question.name.to_text(), question.to_text().split()[-1]
        self.asked.append((name, rrtype))
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if self.rcode is not None:
            response.set_rcode(self.rcode)
        else:
            self._answer(response, name, rrtype)
        assert self.transport is not None
        self.transport.sendto(response.to_wire(), addr)

    def _answer(self, response: dns.message.Message, name: str, rrtype: str) -> None:
        text = ZONE.get((name, rrtype))
        alias = ZONE.get((name, "CNAME"))
        if alias is not None:
            response.answer.append(dns.rrset.from_text(name, self.ttl, "IN", "CNAME", alias))
            name, text = alias, ZONE.get((alias, rrtype))
        if text is not None:
            response.answer.append(dns.rrset.from_text(name, self.ttl, "IN", rrtype, text))
            return
        if not any(known == name for known, _ in ZONE):
            response.set_rcode(dns.rcode.NXDOMAIN)
        response.authority.append(dns.rrset.from_text("example.com.", 3600, "IN", "SOA", SOA))


class FakeDns:
    """Answers from a dict and counts."""

    def __init__(self, answers: dict[tuple[str, str], Result]) -> None:
        self.answers = answers
        self.asked: list[Query] = []

    async def __call__(self, query: Query) -> Result:
        self.asked.append(query)
        return self.answers.get((query.name, query.rrtype), Result((), 60.0))


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def make(
    lookup: Callable[[Query], object],
    *,
    clock: Callable[[], float] | None = None,
    hosts_file: Path | None = None,
    **options: object,
) -> Resolver:
    return Resolver(
        lookup,  # type: ignore[arg-type] # a fake
        clock=clock or Time(),
        hosts_file=hosts_file,
        **options,  # type: ignore[arg-type] # whatever the test wants
    )


FAR = parse_uri("sip:far.example:5080")
FAR_TARGET = NextHop("udp", Address("192.0.2.7", 5080), "far.example")
FAR_A = {("far.example", "A"): Result(("192.0.2.7",), 60.0)}


class TestCache:
    def test_an_answer_is_kept_by_its_ttl(self) -> None:
        clock, lookup = Time(), FakeDns(FAR_A)
        resolver = make(lookup, clock=clock)
        assert resolver.locate_now(FAR) is None
        assert run(resolver.locate(FAR)) == [FAR_TARGET]
        clock.now = 59.9
        assert resolver.locate_now(FAR) == [FAR_TARGET]
        clock.now = 60.0
        assert resolver.locate_now(FAR) is None
        assert run(resolver.locate(FAR)) == [FAR_TARGET]
        assert len(lookup.asked) == 2

    def test_names_are_one_in_any_case(self) -> None:
        lookup = FakeDns(FAR_A)
        resolver = make(lookup)
        run(resolver.locate(parse_uri("sip:FAR.example:5080")))
        assert resolver.locate_now(FAR) == [FAR_TARGET]

    def test_no_records_are_an_answer_too(self) -> None:
        lookup = FakeDns({})
        resolver = make(lookup)
        assert run(resolver.locate(FAR)) == []
        assert resolver.locate_now(FAR) == []
        assert len(lookup.asked) == 1

    def test_who_asks_the_same_at_the_same_time_waits_for_one_answer(self) -> None:
        async def main() -> None:
            go = asyncio.Event()
            asked = []

            async def lookup(query: Query) -> Result:
                asked.append(query)
                await go.wait()
                return Result(("192.0.2.7",), 60.0)

            resolver = make(lookup)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(resolver.locate(FAR)) for _ in range(5)]
                asyncio.get_running_loop().call_soon(go.set)
            assert [task.result() for task in tasks] == [[FAR_TARGET]] * 5
            assert len(asked) == 1

        run(main())

    def test_who_waits_is_not_left_waiting_when_who_asked_is_cancelled(self) -> None:
        async def main() -> None:
            started = asyncio.Event()

            async def lookup(_: Query) -> Result:
                started.set()
                await asyncio.Event().wait()
                raise AssertionError

            resolver = make(lookup)
            async with asyncio.TaskGroup() as group:
                first = group.create_task(resolver.locate(FAR))
                await started.wait()
                second = group.create_task(resolver.locate(FAR))
                asyncio.get_running_loop().call_soon(first.cancel)
            assert second.result() == []

        run(main())

    def test_a_question_that_takes_too_long_is_given_up_for_a_while(self) -> None:
        async def lookup(_: Query) -> Result:
            await asyncio.Event().wait()
            raise AssertionError

        clock = Time()
        resolver = make(lookup, clock=clock, timeout=0.01)
        assert run(resolver.locate(FAR)) == []
        assert resolver.locate_now(FAR) == []
        clock.now = FAILURE_TTL
        assert resolver.locate_now(FAR) is None

    def test_is_bounded(self) -> None:
        clock = Time()
        resolver = make(FakeDns({}), clock=clock)
        for number in range(CACHE_SIZE):
            resolver._remember(Query(f"n{number}", "A"), Result((), 60.0))
        resolver._remember(Query("one.more", "A"), Result((), 60.0))
        assert len(resolver._cache) == CACHE_SIZE
        assert Query("n0", "A") not in resolver._cache
        clock.now = 60.0
        resolver._remember(Query("later", "A"), Result((), 60.0))
        assert list(resolver._cache) == [Query("later", "A")]


class TestWithoutDns:
    @pytest.mark.parametrize(
        ("uri", "host"),
        [
            ("sip:192.0.2.1:5080", "192.0.2.1"),
            ("sip:[2001:db8::1]:5080", "2001:db8::1"),
            ("sip:localhost:5080", "127.0.0.1"),
            ("sip:phone.localhost:5080", "127.0.0.1"),
        ],
    )
    def test_is_answered_at_once(self, uri: str, host: str) -> None:
        lookup = FakeDns({})
        [target] = make(lookup).locate_now(parse_uri(uri)) or []
        assert target.address == Address(host, 5080)
        assert not lookup.asked

    def test_localhost_over_ipv6(self) -> None:
        resolver = make(FakeDns({}), families=("AAAA",))
        [target] = resolver.locate_now(parse_uri("sip:localhost:5080")) or []
        assert target.address.host == "::1"

    def test_a_transport_we_do_not_speak_leads_nowhere(self) -> None:
        resolver = make(FakeDns({}), supported=frozenset({"udp"}))
        assert resolver.locate_now(parse_uri("sip:192.0.2.1;transport=tcp")) == []


class TestHostsFile:
    def test_is_read(self) -> None:
        text = "# names\n192.0.2.5 pbx PBX.example # ours\n2001:db8::5 pbx\nnot-an-address x\n\n"
        hosts = read_hosts(text)
        assert hosts[Query("pbx", "A")] == ("192.0.2.5",)
        assert hosts[Query("pbx", "AAAA")] == ("2001:db8::5",)
        assert hosts[Query("pbx.example", "AAAA")] == ()
        assert Query("x", "A") not in hosts

    def test_goes_before_dns_and_changes_are_seen(self, tmp_path: Path) -> None:
        file = tmp_path / "hosts"
        file.write_text("192.0.2.8 far.example\n")
        os.utime(file, (1, 1))
        clock, lookup = Time(), FakeDns(FAR_A)
        resolver = make(lookup, clock=clock, hosts_file=file)
        assert resolver.locate_now(FAR) == [FAR_TARGET._replace(address=Address("192.0.2.8", 5080))]
        file.write_text("192.0.2.9 far.example\n")
        os.utime(file, (2, 2))
        clock.now = HOSTS_TTL
        [target] = resolver.locate_now(FAR) or []
        assert target.address.host == "192.0.2.9"
        clock.now = 2 * HOSTS_TTL
        assert resolver.locate_now(FAR) == [target]
        assert not lookup.asked

    def test_may_be_missing(self, tmp_path: Path) -> None:
        resolver = make(FakeDns(FAR_A), hosts_file=tmp_path / "none")
        assert run(resolver.locate(FAR)) == [FAR_TARGET]


@pytest.mark.parametrize("loop", LOOPS)
class TestAskDns:
    def test_finds_the_way_through_naptr_and_srv(self, loop: str) -> None:
        async def main() -> list[NextHop]:
            async with NameServer() as server:
                return await make(ask_dns([server.address])).locate(parse_uri("sip:example.com"))

        assert run(main(), loop) == [NextHop("tcp", Address("192.0.2.1", 5080), "example.com")]

    @pytest.mark.parametrize(
        ("name", "rrtype", "answer", "ttl"),
        [
            ("one.example.com", "A", ("192.0.2.1",), 300.0),
            ("one.example.com", "AAAA", ("2001:db8::1",), 300.0),
            ("alias.example.com", "A", ("192.0.2.1",), 300.0),
            ("_sip._tcp.example.com", "SRV", (Srv(10, 0, 5080, "one.example.com."),), 300.0),
            (
                "example.com",
                "NAPTR",
                (Naptr(50, 50, "s", "SIP+D2T", "", "_sip._tcp.example.com."),),
                300.0,
            ),
            ("one.example.com", "SRV", (), 30.0),  # no such records: the SOA's minimum
            ("none.example.com", "A", (), 30.0),  # no such name
        ],
    )
    def test_records(self, loop: str, name: str, rrtype: str, answer: Answer, ttl: float) -> None:
        async def main() -> Result:
            async with NameServer() as server:
                return await ask_dns([server.address])(Query(name, rrtype))

        assert run(main(), loop) == Result(answer, ttl)

    def test_a_server_that_fails(self, loop: str) -> None:
        async def main() -> Result:
            async with NameServer() as server:
                server.rcode = dns.rcode.SERVFAIL
                return await ask_dns([server.address])(Query("one.example.com", "A"))

        assert run(main(), loop) == Result((), FAILURE_TTL)


def test_an_empty_answer_is_never_kept_for_long() -> None:
    async def main() -> Result:
        async with NameServer() as server:
            return await ask_dns([server.address])(Query("one.example.com", "SRV"))

    assert run(main()).ttl <= NEGATIVE_TTL


def test_a_machine_without_name_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver.BaseResolver, "read_resolv_conf", none)

    async def main() -> Result:
        return await ask_dns()(Query("one.example.com", "A"))

    assert run(main()) == Result((), FAILURE_TTL)


def test_the_clock_and_the_chance_of_a_real_one() -> None:
    resolver = Resolver(ask_dns())
    assert resolver.locate_now(parse_uri("sip:192.0.2.1")) is not None


def test_the_name_servers_of_the_system_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> Result:
        async with NameServer() as server:

            def read_resolv_conf(self: dns.resolver.BaseResolver, _file: object) -> None:
                self.nameservers = [server.address.host]
                self.port = server.address.port

            monkeypatch.setattr(dns.resolver.BaseResolver, "read_resolv_conf", read_resolv_conf)
            lookup = ask_dns()
            await lookup(Query("example.com", "NAPTR"))
            return await lookup(Query("one.example.com", "A"))

    assert run(main()).answer == ("192.0.2.1",)


def test_a_record_nobody_asked_for_is_passed_over() -> None:
    [record] = dns.rrset.from_text("example.com.", 60, "IN", "TXT", "hello")
    assert _record(record) == ()
