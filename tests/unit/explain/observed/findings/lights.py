"""One scene, as other captures of the same traffic would show it.

What is healthy is healthy wherever somebody looks at it from: at one host, in one direction, from
the middle on, twice with two clocks, before and behind a NAT, all on one machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.unit.explain.observed.support import Scene

from ringway.capture.items import Decided, Item, Seen, Tick, Trouble
from ringway.transport.flow import Address


def begun_later(items: list[Item]) -> Iterator[list[Item]]:
    """The capture begins later."""
    return (items[first:] for first in range(1, len(items)))


def ended_sooner(items: list[Item]) -> Iterator[list[Item]]:
    """The capture ends sooner."""
    return (items[:last] for last in range(1, len(items)))


def sent_by_one(items: list[Item]) -> Iterator[list[Item]]:
    """Only what one host sends."""
    for host in _hosts(items):
        yield [each for each in items if _ends(each)[0] == host]


def received_by_one(items: list[Item]) -> Iterator[list[Item]]:
    """Only what one host gets."""
    for host in _hosts(items):
        yield [each for each in items if _ends(each)[1] == host]


def at_one_host(items: list[Item]) -> Iterator[list[Item]]:
    """What one host sends and gets."""
    for host in _hosts(items):
        yield [each for each in items if host in _ends(each)]


def between_two(items: list[Item]) -> Iterator[list[Item]]:
    """What two hosts say to each other."""
    for pair in sorted({tuple(sorted(_ends(each))) for each in items}):
        yield [each for each in items if set(_ends(each)) == set(pair)]


def without_answers(items: list[Item]) -> Iterator[list[Item]]:
    """Requests only, answers only."""
    for wanted in (True, False):
        yield [each for each in items if _is_request(each) in {wanted, None}]


def one_machine(items: list[Item]) -> Iterator[list[Item]]:
    """All on one host."""
    ports = {host: 5000 + 100 * number for number, host in enumerate(_hosts(items))}

    def local(address: Address) -> Address:
        return Address("127.0.0.1", ports[address.host] + address.port % 100)

    yield [_moved(each, local) for each in items]


def behind_a_nat(items: list[Item]) -> Iterator[list[Item]]:
    """The packets of each host are seen in its network and outside."""
    for number, host in enumerate(_hosts(items)):
        inner = f"10.9.{number}.1"

        def inside(address: Address, host: str = host, inner: str = inner) -> Address:
            return Address(inner, address.port) if address.host == host else address

        seen: list[Item] = []
        for each in items:
            if host not in _ends(each):
                seen.append(each)
            else:
                first, second = _moved(each, inside), each
                if _ends(each)[1] == host:
                    first, second = second, first
                seen += [first, _later(second, 0.002)]
        yield _in_order(seen)


def twice(items: list[Item]) -> Iterator[list[Item]]:
    """The sender's capture and the receiver's, with clocks of their own."""
    for skew in (0.001, 0.05, 0.2, 0.35, 0.9, 2.2, -0.001, -0.2, -0.9, -3.1):
        hosts = _hosts(items)
        ahead = {host: skew * (number % 2) for number, host in enumerate(hosts)}
        seen: list[Item] = []
        for each in items:
            source, target = _ends(each)
            seen += [_later(each, ahead[source]), _later(each, ahead[target] + 0.004)]
        yield _in_order(seen)


LIGHTS: tuple[Callable[[list[Item]], Iterator[list[Item]]], ...] = (
    begun_later,
    ended_sooner,
    sent_by_one,
    received_by_one,
    at_one_host,
    between_two,
    without_answers,
    one_machine,
    behind_a_nat,
    twice,
)


def lit(items: list[Item]) -> Scene:
    """Return a scene of these items, with frames of their own."""
    scene = Scene()
    scene.items = [each._replace(frames=(number,)) for number, each in enumerate(items, 1)]
    return scene


def _hosts(items: list[Item]) -> list[str]:
    found = dict.fromkeys(host for each in items for host in _ends(each))
    return list(found)


def _ends(item: Item) -> tuple[str, str]:
    assert not isinstance(item, Trouble | Decided | Tick)
    return item.source.host, item.target.host


def _is_request(item: Item) -> bool | None:
    if isinstance(item, Seen) and item.message is not None:
        return item.message.is_request
    return None


def _moved(item: Item, place: Callable[[Address], Address]) -> Item:
    assert not isinstance(item, Trouble | Decided | Tick)
    ends: dict[str, Any] = {"source": place(item.source), "target": place(item.target)}
    return item._replace(**ends)


def _later(item: Item, seconds: float) -> Item:
    return item._replace(at=item.at + seconds)


def _in_order(items: list[Item]) -> list[Item]:
    return sorted(items, key=lambda each: each.at)
