"""One flow of our own user agent: what befalls it, and whether it is solid, which nobody tells it.

The agent opens and closes its flows itself. Over UDP there is a NAT between, whose address for the
flow changes when it forgets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.network import End
from tests.simulation.phone import Line

from ringway.transport.flow import Address

if TYPE_CHECKING:
    from tests.simulation.agent_phone import AgentPhone


class AgentLine(Line):
    """One flow of our user agent."""

    phone: AgentPhone

    def open(self) -> None:
        """Nothing to do: the agent opens its flows itself."""

    def register(self, expires: int | None = None) -> None:
        """Have the agent unregister; it comes back after a while."""
        if expires == 0:
            self.phone.leave()

    def lost(self, why: str) -> None:
        """Have the agent hear of another network."""
        self.phone.moved(why)

    def drop(self, why: str) -> None:
        """Close it for ever."""
        self.off()
        if self.end is not None:
            self.end.close(why)
            self.end = None
        self.phone.network.hosts.pop(self.address, None)

    def off(self) -> None:
        """The agent does not use it any more."""
        self.up = self.bound = False
        self.solid_since = self.sound_since = None
        self.epoch += 1

    def on(self) -> None:
        """The agent has a way to its node, registered or not."""
        self.up = True
        self.sound_since = self.phone.network.now

    def take(self, end: End) -> None:
        """Go over a connection from now on."""
        self.end = end
        self.address = end.local
        self.buffer = b""
        self.epoch += 1
        self.on()

    def break_off(self, *, silent: bool) -> None:
        """Let the network break it; over UDP the NAT forgets, at once or some time after."""
        if self.reliable:
            if self.up:
                super().break_off(silent=silent)
            return
        self.solid_since = self.sound_since = None
        network = self.phone.network
        if not silent:
            self.rebind()
        elif self.address not in network.dark:
            self.silent_at = network.now
            network.dark.add(self.address)
            wait = 5 + 40 * self.phone.rng.random()
            network.after(wait, self._rebind_later, self.address)

    def rebind(self) -> None:
        """Get another address from the NAT."""
        network = self.phone.network
        network.hosts.pop(self.address, None)
        self.address = self.phone.address()
        network.hosts[self.address] = self.phone
        self.epoch += 1
        if self.home.running:
            self.sound_since = network.now

    def _rebind_later(self, before: Address) -> None:
        if self.address == before and self.phone.alive:
            self.solid_since = None
            self.rebind()
