"""The bounds that are about requests and peers, on a virtual clock."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from tests.harness import make_request

from ringway.endpoint.gate import Proof, Refusal
from ringway.server.limits.guard import Guard, GuardSettings
from ringway.server.limits.overload import FALL, ONSET, RISE, Overload, Rank, rank_of
from ringway.server.limits.sources import Sources, source_of
from ringway.transport.flow import Address, Flow

HERE = Address("192.0.2.1", 5060)
STRANGER = "198.51.100.7"
NOW = 1000.0


def flow(host: str = STRANGER) -> Flow:
    return Flow("udp", HERE, Address(host, 5060))


class World:
    """A guard with few tokens, and what it counts."""

    def __init__(self, *, known: str = "", **settings: Any) -> None:
        self.over: dict[str, int] = {}
        self.transactions = 0
        self.banned: list[str] = []
        given = {"request_rate": 10.0, "request_burst": 20, "lag": 0.25, **settings}
        self.guard = Guard(
            GuardSettings(**given),
            lambda: self.transactions,
            self.over,
            banned=lambda source, _now: self.banned.append(source),
            is_known=lambda each: each.remote.host == known,
        )

    def ask(self, now: float = NOW, *, method: str = "INVITE", host: str = STRANGER) -> Any:
        """Return 0 when a request is let in, else the status; None for no answer."""
        refusal = self.guard.refuses(make_request(method, "sip:bob@x"), flow(host), now)
        return 0 if refusal is None else refusal.status or None

    def fail(
        self,
        status: int = 404,
        now: float = NOW,
        *,
        host: str = STRANGER,
        proof: Proof = Proof.UNCHECKED,
        times: int = 1,
    ) -> None:
        headers = [("Authorization", "Digest x")] if proof in (Proof.RIGHT, Proof.WRONG) else []
        request = make_request("REGISTER", "sip:x", headers=headers)
        for _ in range(times):
            self.guard.answered(request, flow(host), status, now, proof=proof)


class TestRate:
    def test_a_burst_then_503_then_silence(self) -> None:
        world = World()
        answers = [world.ask() for _ in range(50)]
        assert answers == [0] * 20 + [503] * 20 + [None] * 10
        assert world.over == {"request_rate": 30}

    def test_time_fills_the_bucket_up_to_the_burst(self) -> None:
        world = World()
        for _ in range(50):
            world.ask()
        assert [world.ask(NOW + 1) for _ in range(11)] == [0] * 10 + [503]
        assert [world.ask(NOW + 1000) for _ in range(21)] == [0] * 20 + [503]

    def test_under_a_lasting_flood_its_share_is_served(self) -> None:
        world = World()
        answers = [world.ask(NOW + n / 1000) for n in range(10_000)]
        assert answers.count(0) == pytest.approx(20 + 100, abs=2)
        assert answers.count(503) == pytest.approx(20 + 100, abs=2)

    def test_another_source_has_its_own(self) -> None:
        world = World()
        for _ in range(50):
            world.ask()
        assert world.ask(host="198.51.100.8") == 0

    def test_one_network_of_ipv6_is_one_source(self) -> None:
        world = World()
        answers = [world.ask(host=f"2001:db8::{n:x}") for n in range(25)]
        assert answers == [0] * 20 + [503] * 5
        assert world.ask(host="2001:db8:0:1::1") == 0

    def test_an_ack_counts(self) -> None:
        world = World()
        assert [world.ask(method="ACK") for _ in range(21)] == [0] * 20 + [503]

    def test_so_do_answers_to_what_is_unsound(self) -> None:
        world = World()
        assert [world.guard.answers(flow(), NOW) for _ in range(21)] == [True] * 20 + [False]
        assert world.over == {"request_rate": 1}
        assert world.guard.answers(flow(), NOW + 1)

    @pytest.mark.parametrize(
        "settings",
        [
            {"exempt": (ip_network("198.51.100.0/24"),)},
            {"known": STRANGER},
            {"request_rate": 0.0},
        ],
    )
    def test_who_is_exempt(self, settings: dict[str, Any]) -> None:
        world = World(**settings)
        assert {world.ask() for _ in range(100)} == {0}
        assert all(world.guard.answers(flow(), NOW) for _ in range(100))
        assert world.over == {}


class TestRetryAfter:
    def test_is_spread(self) -> None:
        world = World(transactions=1, retry_after=10.0, request_burst=1000)
        world.transactions = 1
        waits = []
        for _ in range(110):
            refusal = world.guard.refuses(make_request("INVITE", "sip:x"), flow(), NOW)
            assert refusal is not None
            [(name, value)] = refusal.headers
            assert (refusal.status, name) == (503, "Retry-After")
            waits.append(int(value))
        assert {waits.count(seconds) for seconds in range(10, 21)} == {10}


class TestTransactions:
    def test_at_the_limit_new_requests_wait(self) -> None:
        world = World(transactions=100)
        world.transactions = 99
        assert world.ask() == 0
        world.transactions = 100
        assert world.ask() == 503
        assert world.over == {"transactions": 1}

    def test_an_ack_makes_none(self) -> None:
        world = World(transactions=1)
        world.transactions = 1
        assert world.ask(method="ACK") == 0


class TestBans:
    def test_after_so_many_failures(self) -> None:
        world = World(ban_failures=50)
        for _ in range(49):
            world.fail()
        assert (len(world.guard.bans), world.guard.hears(STRANGER, NOW)) == (0, True)
        world.fail(403)
        assert not world.guard.hears(STRANGER, NOW)
        assert world.guard.hears("198.51.100.8", NOW)
        assert world.banned == [STRANGER]
        assert (world.over, world.guard.unheard) == ({"ban_failures": 1}, 1)

    def test_a_ban_ends(self) -> None:
        world = World(ban_failures=5, ban_time=300.0)
        for _ in range(5):
            world.fail()
        assert not world.guard.hears(STRANGER, NOW + 299)
        assert world.guard.hears(STRANGER, NOW + 300)
        assert len(world.guard.bans) == 0
        world.fail(now=NOW + 301)
        assert world.guard.hears(STRANGER, NOW + 302)  # it begins anew

    def test_failures_are_forgiven_with_time(self) -> None:
        world = World(ban_failures=50, ban_window=60.0)
        for n in range(1000):
            world.fail(now=NOW + n * 1.3)  # a little slower than is forgiven
        assert world.banned == []

    def test_a_wrong_password_counts_ten_times_a_challenge(self) -> None:
        world = World(ban_failures=50)
        world.fail(401, proof=Proof.LACKING, times=499)
        assert world.banned == []
        world.fail(407, proof=Proof.LACKING)
        assert world.banned == [STRANGER]
        other = World(ban_failures=50)
        other.fail(401, proof=Proof.WRONG, times=49)
        assert other.banned == []
        other.fail(401, proof=Proof.WRONG)
        assert other.banned == [STRANGER]

    def test_an_office_that_logs_in_is_not_banned(self) -> None:
        world = World(ban_failures=50)
        for _ in range(200):  # all at once after a power cut
            world.fail(401, proof=Proof.LACKING, times=40)
            world.fail(200, proof=Proof.RIGHT, times=40)
        assert world.banned == []

    def test_nor_is_one_whose_nonces_are_old(self) -> None:
        world = World(ban_failures=5)
        for _ in range(1000):
            world.fail(401, proof=Proof.LACKING, times=2)  # no credentials, then stale ones
            world.fail(200, proof=Proof.RIGHT)
        assert world.banned == []

    def test_a_password_of_ones_own_takes_back_no_wrong_one(self) -> None:
        """Who has one tries those of others, and logs in between the tries."""
        world = World(ban_failures=50)
        for _ in range(50):
            world.fail(401, proof=Proof.WRONG)
            world.fail(200, proof=Proof.RIGHT, times=3)
        assert world.banned == [STRANGER]

    @pytest.mark.parametrize("status", [200, 403, 404, 500])
    def test_a_wrong_password_counts_whatever_the_answer(self, status: int) -> None:
        world = World(ban_failures=5)
        world.fail(status, proof=Proof.WRONG, times=5)
        assert world.banned == [STRANGER]

    @pytest.mark.parametrize("status", [401, 403, 404, 407])
    def test_who_is_known_may_dial_wrong_numbers(self, status: int) -> None:
        """A call centre behind one address."""
        world = World(ban_failures=5)
        world.fail(status, proof=Proof.RIGHT, times=1000)
        assert world.banned == []

    def test_an_answered_challenge_costs_nothing_however_the_call_ends(self) -> None:
        world = World(ban_failures=5)
        for _ in range(1000):
            world.fail(407, proof=Proof.LACKING)
            world.fail(404, proof=Proof.RIGHT)
        assert world.banned == []

    def test_who_has_registered_over_a_flow_may_dial_wrong_numbers_there(self) -> None:
        """At an edge, which does not check passwords itself."""
        world = World(ban_failures=5, sources=100)
        world.fail(200, proof=Proof.RIGHT)
        world.fail(404, times=1000)
        world.fail(403, times=1000)
        assert world.banned == []
        world.fail(401, proof=Proof.WRONG, times=5)  # but guess no password
        assert world.banned == [STRANGER]
        for number in range(300):  # what is remembered is bounded
            world.fail(200, proof=Proof.RIGHT, host=f"10.0.{number >> 8}.{number & 255}")
        assert len(world.guard._registered) == 100

    def test_a_failed_registration_is_none(self) -> None:
        world = World(ban_failures=5)
        world.fail(403, proof=Proof.RIGHT)
        world.fail(404, times=5)
        assert world.banned == [STRANGER]

    @pytest.mark.parametrize("proof", [Proof.UNCHECKED, Proof.LACKING])
    def test_a_success_without_proof_forgives_nothing(self, proof: Proof) -> None:
        world = World(ban_failures=5)
        for _ in range(5):
            world.fail()
            world.fail(200, proof=proof)
        assert world.banned == [STRANGER]

    def test_nor_do_credentials_that_nobody_looked_at(self) -> None:
        world = World(ban_failures=5)
        request = make_request("OPTIONS", "sip:x", headers=[("Authorization", "Digest x")])
        for _ in range(5):
            world.fail()
            world.guard.answered(request, flow(), 200, NOW, proof=Proof.UNCHECKED)
        assert world.banned == [STRANGER]

    def test_other_answers_are_no_failures(self) -> None:
        world = World(ban_failures=1)
        for status in (200, 302, 480, 486, 487, 503, 603):
            world.fail(status)
        assert world.banned == []

    @pytest.mark.parametrize(
        "settings",
        [
            {"exempt": (ip_network("198.51.100.7"),)},
            {"known": STRANGER},
            {"ban_failures": 0},
        ],
    )
    def test_who_is_never_banned(self, settings: dict[str, Any]) -> None:
        world = World(**{"ban_failures": 5, **settings})
        for _ in range(100):
            world.fail()
        assert world.banned == []

    def test_connections_of_the_banned_are_closed(self) -> None:
        world = World(ban_failures=1)
        world.fail()
        assert world.guard.connects(STRANGER, NOW, accepted=True).startswith("nothing is taken")
        assert world.guard.connections == 0
        assert world.guard.connects(STRANGER, NOW, accepted=False) == ""  # we may connect to it


class TestTables:
    def test_of_sources_and_bans_are_bounded(self) -> None:
        world = World(ban_failures=1, sources=100)
        for n in range(1000):
            world.ask(host=f"10.0.{n >> 8}.{n & 255}")
            world.fail(host=f"10.1.{n >> 8}.{n & 255}")
        assert len(world.guard.sources) <= 100
        assert len(world.guard.bans) == 100
        assert not world.guard.hears("10.1.3.231", NOW)  # the last
        assert world.guard.hears("10.1.0.0", NOW)

    def test_a_flood_of_sources_does_not_lift_bans(self) -> None:
        world = World(ban_failures=1, sources=100)
        world.fail()
        for n in range(1000):
            world.ask(host=f"10.0.{n >> 8}.{n & 255}")
        assert not world.guard.hears(STRANGER, NOW)

    def test_who_was_silent_longest_is_forgotten(self) -> None:
        world = World(sources=100, request_burst=1)
        assert world.ask() == 0
        for n in range(99):
            world.ask(host=f"10.0.0.{n}")
        assert world.ask() == 503  # still known, and now the latest
        for n in range(99):
            world.ask(host=f"10.0.1.{n}")
        assert world.ask() is None
        for n in range(100):
            world.ask(host=f"10.0.2.{n}")
        assert world.ask() == 0

    def test_names_of_addresses_are_bounded(self) -> None:
        sources = Sources(100)
        for n in range(10_000):
            sources.name(f"10.0.{n >> 8}.{n & 255}")
        assert len(sources._named) <= 4096

    @pytest.mark.parametrize(
        ("host", "source"),
        [
            ("192.0.2.9", "192.0.2.9"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("::ffff:192.0.2.9", "192.0.2.9"),
            ("127.0.0.1", ""),
            ("::ffff:127.0.0.1", ""),
            ("::1", ""),
        ],
    )
    def test_what_an_address_counts_as(self, host: str, source: str) -> None:
        assert source_of(host, (ip_network("127.0.0.0/8"), ip_network("::1"))) == source


class TestConnections:
    def test_in_all(self) -> None:
        world = World(connections=2)
        assert world.guard.connects("198.51.100.1", NOW, accepted=True) == ""
        assert world.guard.connects("198.51.100.2", NOW, accepted=False) == ""
        assert world.guard.connects("198.51.100.3", NOW, accepted=True) == "too many connections"
        assert world.over == {"connections": 1}
        world.guard.disconnected("198.51.100.2", accepted=False)
        assert world.guard.connects("198.51.100.3", NOW, accepted=True) == ""

    def test_of_one_source(self) -> None:
        world = World(connections_per_source=2)
        for _ in range(2):
            assert world.guard.connects(STRANGER, NOW, accepted=True) == ""
        assert "from its address" in world.guard.connects(STRANGER, NOW, accepted=True)
        assert world.guard.connects(STRANGER, NOW, accepted=False) == ""  # ours are not its
        assert world.over == {"connections_per_source": 1}
        world.guard.disconnected(STRANGER, accepted=True)
        assert world.guard.connects(STRANGER, NOW, accepted=True) == ""

    def test_nothing_stays_of_those_that_are_gone(self) -> None:
        world = World()
        for n in range(300):
            assert world.guard.connects(f"10.0.0.{n & 255}", NOW, accepted=True) == ""
        for n in range(300):
            world.guard.disconnected(f"10.0.0.{n & 255}", accepted=True)
        assert (world.guard.connections, world.guard._connections_of) == (0, {})

    def test_who_is_exempt_has_no_limit_of_its_own(self) -> None:
        world = World(connections_per_source=1, exempt=(ip_network("198.51.100.7"),))
        for _ in range(5):
            assert world.guard.connects(STRANGER, NOW, accepted=True) == ""
        world.guard.disconnected(STRANGER, accepted=True)
        assert world.guard.connections == 4


class TestHandshakes:
    def test_of_one_source(self) -> None:
        world = World(handshakes_per_source=2)
        assert [world.guard.handshake_begins(STRANGER) for _ in range(3)] == [True, True, False]
        assert world.guard.handshake_begins("198.51.100.8")
        assert world.over == {"handshakes_per_source": 1}
        world.guard.handshake_ended(STRANGER)
        assert world.guard.handshake_begins(STRANGER)

    def test_a_network_of_ipv6_is_one_source(self) -> None:
        world = World(handshakes_per_source=1)
        assert world.guard.handshake_begins("2001:db8::1")
        assert not world.guard.handshake_begins("2001:db8::2")

    def test_nothing_stays_of_those_that_are_over(self) -> None:
        world = World()
        for n in range(300):
            assert world.guard.handshake_begins(f"10.0.0.{n & 255}")
        for n in range(300):
            world.guard.handshake_ended(f"10.0.0.{n & 255}")
        assert world.guard._handshakes_of == {}

    @pytest.mark.parametrize(
        "settings", [{"exempt": (ip_network("198.51.100.7"),)}, {"handshakes_per_source": 0}]
    )
    def test_who_has_no_limit_of_its_own(self, settings: dict[str, Any]) -> None:
        world = World(**{"handshakes_per_source": 1, **settings})
        assert all(world.guard.handshake_begins(STRANGER) for _ in range(5))
        for _ in range(5):
            world.guard.handshake_ended(STRANGER)
        assert world.over == {}


class TestOverload:
    def shed(self, overload: Overload, number: int = 100) -> list[int]:
        """Return how many of so many requests of each rank are shed."""
        return [sum(overload.sheds(rank) for _ in range(number)) for rank in Rank]

    def test_nothing_is_shed_up_to_the_limit(self) -> None:
        overload = Overload(0.25)
        assert overload.lag == 0.0
        for _ in range(100):
            overload.measured(0.25)
        assert self.shed(overload) == [0, 0, 0]

    def test_the_new_is_shed_first_and_dialogs_last(self) -> None:
        overload = Overload(0.25)
        seen = []
        for _ in range(ONSET - 1):
            overload.measured(0.26)
        for _ in range(30):
            overload.measured(0.26)
            seen.append(self.shed(overload))
        halfway = seen[4]
        assert 45 <= halfway[0] <= 60
        assert halfway[1:] == [0, 0]
        assert seen[14][0] == 100
        assert 45 <= seen[14][1] <= 60
        assert seen[14][2] == 0
        assert seen[-1] == [100, 100, 100]

    def test_a_long_lag_is_met_faster(self) -> None:
        slowly, fast = Overload(0.25), Overload(0.25)
        for _ in range(ONSET):
            slowly.measured(0.26)
            fast.measured(10.0)
        assert fast.pressure == pytest.approx(4 * RISE)
        assert slowly.pressure < fast.pressure

    def test_a_single_pause_sheds_nothing(self) -> None:
        overload = Overload(0.25)
        for lag in (0.0, 5.0, 5.0, 0.1, *[5.0] * (ONSET - 1), 0.0):
            overload.measured(lag)
        assert overload.pressure == 0.0

    def test_pressure_stays_between_and_falls_slowly(self) -> None:
        overload = Overload(0.25)
        for _ in range(10):
            overload.measured(0.3)
        high = overload.pressure
        for _ in range(100):
            overload.measured(0.2)  # under the limit, not well under it
        assert overload.pressure == high
        overload.measured(0.1)
        assert overload.pressure == pytest.approx(high - FALL)
        for _ in range(100):
            overload.measured(0.0)
        assert overload.pressure == 0.0
        assert self.shed(overload) == [0, 0, 0]

    def test_without_a_limit(self) -> None:
        overload = Overload(0.0)
        for _ in range(100):
            overload.measured(10.0)
        assert (overload.pressure, overload.lag) == (0.0, 10.0)

    def test_it_settles_where_the_load_fits(self) -> None:
        """A server with room for 100 requests a tick that is offered 150."""
        overload = Overload(0.25)
        waiting = 0.0
        served = []
        for tick in range(3000):
            let_in = sum(not overload.sheds(Rank.NEW) for _ in range(150))
            waiting = max(waiting + let_in - 100, 0.0)
            overload.measured(waiting / 1000)
            if tick > 500:
                served.append(let_in)
                assert waiting / 1000 < 1.0
        assert sum(served) / len(served) == pytest.approx(100, rel=0.1)

    @pytest.mark.parametrize(
        ("method", "to", "rank"),
        [
            ("INVITE", "<sip:b@x>", Rank.NEW),
            ("REGISTER", "<sip:b@x>", Rank.NEW),
            ("OPTIONS", "<sip:b@x>", Rank.OUTSIDE),
            ("MESSAGE", "<sip:b@x>", Rank.OUTSIDE),
            ("INVITE", "<sip:b@x>;tag=1", Rank.DIALOG),
            ("BYE", "<sip:b@x>;tag=1", Rank.DIALOG),
            ("CANCEL", "<sip:b@x>", Rank.DIALOG),
        ],
    )
    def test_ranks(self, method: str, to: str, rank: Rank) -> None:
        assert rank_of(make_request(method, "sip:b@x", to=to)) is rank

    def test_what_is_shed_gets_503(self) -> None:
        world = World(request_rate=0.0)
        for _ in range(10 + ONSET):
            world.guard.overload.measured(0.3)
        request = make_request("INVITE", "sip:b@x")
        assert world.guard.refuses(request, flow(), NOW) == Refusal(503, (("Retry-After", "6"),))
        assert world.guard.overload.shed == [1, 0, 0]
        assert world.ask(method="ACK") == 0


def test_only_who_is_exempt_may_name_another_address() -> None:
    world = World(exempt=(ip_network("192.0.2.0/24"),))
    assert world.guard.trusts(flow("192.0.2.9"))
    assert not world.guard.trusts(flow())


def test_the_shell_counts_what_only_it_sees() -> None:
    world = World()
    world.guard.hit("write_buffer")
    assert world.over == {"write_buffer": 1}
