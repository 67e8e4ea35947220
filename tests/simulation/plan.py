"""What happens in a simulation: all of it drawn from the seed before anything runs.

So one run can leave out some of it: that is how a failing seed is made small.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from tests.simulation.network import Weather


class Deed(StrEnum):
    """What can happen."""

    CALL = "call"
    MESSAGE = "message"
    RESET = "a flow is reset"
    SILENCE = "a flow goes silent"
    GARBAGE = "a flow brings garbage"
    MOVE = "a phone moves"
    VANISH = "a phone vanishes"
    RETURN = "a phone returns"
    LEAVE = "a flow is unregistered"
    CRASH = "a node crashes"
    HANG = "a node hangs"
    START = "a node starts again"
    LINK = "a connection between nodes breaks"
    STORE_FAILS = "the store fails"
    STORE_SLOW = "the store is slow"
    STORE_WELL = "the store is well again"
    JUMP = "a clock jumps ahead"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that happens.

    Attributes:
        number: names it in a replay.
        at: seconds after the start.
        who: number of the phone or node.
        whom: number of the user called, or of the line.
        chance: a number from 0 to 1, for what else there is to choose.
    """

    number: int
    at: float
    deed: Deed
    who: int
    whom: int
    chance: float

    def __str__(self) -> str:
        return f"{self.number}: at {self.at:.3f} s {self.deed} ({self.who}, {self.whom})"


@dataclass(frozen=True, slots=True)
class Scene:
    """What a simulation is made of.

    Attributes:
        edges: how many edges stand before the registrar; 0 for one node that is all.
        link: what the nodes speak to each other.
        users: how many users, of which each has one to three phones.
        expires: seconds a registration is asked for.
        horizon: seconds in which things happen.
        recursion: the proxy follows redirects itself.
        damage: datagrams may be damaged, so that nothing can be promised for some calls.
    """

    edges: int
    link: str
    users: int
    expires: int
    horizon: float
    recursion: bool
    weather: Weather
    items: tuple[Item, ...]


BIG_EVERY = 250
"""One seed in so many has hundreds of phones."""

_AT_PHONES = {
    Deed.RESET: 10,
    Deed.SILENCE: 8,
    Deed.GARBAGE: 2,
    Deed.MOVE: 5,
    Deed.VANISH: 3,
    Deed.LEAVE: 3,
}
_AT_NODES = {
    Deed.CRASH: 3,
    Deed.HANG: 1,
    Deed.LINK: 2,
    Deed.STORE_FAILS: 1,
    Deed.STORE_SLOW: 2,
    Deed.JUMP: 1,
}
_UNDONE = {
    Deed.VANISH: (Deed.RETURN, 5, 60),
    Deed.CRASH: (Deed.START, 1, 30),
    Deed.HANG: (Deed.START, 5, 40),
    Deed.STORE_FAILS: (Deed.STORE_WELL, 5, 60),
    Deed.STORE_SLOW: (Deed.STORE_WELL, 20, 100),
}


def draw(seed: int, rng: Random) -> Scene:
    """Draw a scene."""
    big = seed % BIG_EVERY == 0
    users = rng.randrange(100, 200) if big else rng.choice([2, 3, 4, 5, 8, 12])
    horizon = rng.uniform(60, 120)
    edges = rng.choice([0, 2, 2, 3])
    calm = rng.random() < 0.3
    weather = Weather(
        latency=rng.choice([0.001, 0.01, 0.04]),
        loss=0.0 if calm else rng.choice([0.0, 0.02, 0.1]),
        twice=0.0 if calm else rng.choice([0.0, 0.05]),
        overtake=0.0 if calm else rng.choice([0.0, 0.1]),
        damage=0.0 if calm else rng.choice([0.0, 0.0, 0.02]),
        cut=rng.choice([0.0, 0.1]),
    )
    calls = int(users * rng.uniform(1.0, 2.5)) + 1
    faults = rng.choices(list(_AT_PHONES), list(_AT_PHONES.values()), k=_some(rng, users))
    faults += rng.choices(list(_AT_NODES), list(_AT_NODES.values()), k=rng.choice([0, 0, 1, 2, 3]))
    items: list[tuple[float, Deed, int, int, float]] = []
    for _ in range(calls):
        deed = Deed.CALL if rng.random() < 0.85 else Deed.MESSAGE
        items.append(_item(rng, horizon, deed))
    for deed in faults:
        at, _, who, whom, chance = _item(rng, horizon, deed)
        items.append((at, deed, who, whom, chance))
        if deed in _UNDONE:
            undo, least, most = _UNDONE[deed]
            items.append((at + rng.uniform(least, most), undo, who, whom, chance))
        elif rng.random() < 0.5:  # a call at the worst moment
            call = (at + rng.uniform(-3, 3), Deed.CALL, rng.randrange(1 << 20), who, rng.random())
            items.append(call)
    items.sort()
    return Scene(
        edges=edges,
        link=rng.choice(["udp", "tcp"]),
        users=users,
        expires=rng.choice([60, 120, 600]),
        horizon=horizon,
        recursion=rng.random() < 0.5,
        weather=weather,
        items=tuple([Item(number, *item) for number, item in enumerate(items)]),
    )


def _some(rng: Random, users: int) -> int:
    """How many faults befall phones."""
    return 0 if rng.random() < 0.1 else int(users * rng.uniform(0.3, 1.5)) + 1


def _item(rng: Random, horizon: float, deed: Deed) -> tuple[float, Deed, int, int, float]:
    at = rng.uniform(8, horizon)
    return (at, deed, rng.randrange(1 << 20), rng.randrange(1 << 20), rng.random())
