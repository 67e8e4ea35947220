"""One test's laboratory: what it starts, where logs go, and that all of it ends with the test."""

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.interop.certificate import Certificate
from tests.interop.network import Namespace
from tests.interop.peers import need
from tests.interop.programs import Program, eventually
from tests.interop.servers import (
    DOMAIN,
    HERE,
    STAND_IN,
    Server,
    kamailio_args,
    listen_on,
    ringway_args,
    ringway_command,
    wait_until_it_answers,
)
from tests.interop.wire import Agent, Place, Reply, in_uri
from tests.ports import free_port

LOOPBACK = "127.0.0.1"
LOOPBACKS = {LOOPBACK, "::1"}


class Sipp:
    """A running SIPp with its messages on record."""

    def __init__(self, program: Program, port: int, messages: Path, errors: Path) -> None:
        self.program = program
        self.port = port
        self.messages = messages
        self.errors = errors

    def passed(self, seconds: float = 20.0) -> None:
        """Wait until every call went as its scenario says; fail with the messages if not."""
        code = self.program.wait(seconds)
        if code != 0:
            said = [path.read_text() for path in (self.errors, self.messages) if path.exists()]
            raise AssertionError(f"{self.program.name} ended with {code}\n" + "\n".join(said))

    def saw(self) -> str:
        return self.messages.read_text() if self.messages.exists() else ""

    def received(self, start: str) -> int:
        """How many messages came that start so."""
        blocks = re.split(r"^-{20,}.*$", self.saw(), flags=re.MULTILINE)
        came = [block for block in blocks if "message received" in block]
        return sum(1 for block in came if re.search(rf"^{start}", block, re.MULTILINE))

    def wait_received(self, start: str, seconds: float = 10.0) -> None:
        def look() -> bool:
            assert self.program.running() or self.received(start), self.program.text[-2000:]
            return self.received(start) > 0

        eventually(look, seconds, f"{self.program.name} receives {start!r}")


_users_files: dict[frozenset[tuple[str, str]], bytes] = {}


class Lab:
    def __init__(self, folder: Path, first_port: int = 0) -> None:
        """With a first port, servers take it, where each has an address of its own."""
        self.folder = folder
        self._first_port = first_port
        self._ending = contextlib.ExitStack()
        self._programs: list[Program] = []
        self._count = 0

    def file(self, name: str) -> Path:
        self._count += 1
        return self.folder / f"{self._count:02d}-{name}"

    def ends(self, end: Callable[[], None]) -> None:
        """Have something called when the test ends."""
        self._ending.callback(end)

    def start(
        self,
        name: str,
        args: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        terminal: bool = False,
        goodbye: float = 3.0,
    ) -> Program:
        """Start a program that ends with the test, by force after `goodbye` seconds."""
        log = self.file(f"{name}.log")
        program = Program(name, args, log=log, env=env, cwd=cwd, terminal=terminal)
        self._programs.append(program)
        self._ending.callback(program.stop, goodbye)
        return program

    # servers

    def server(
        self,
        listens: Sequence[str] = ("udp", "tcp"),
        *,
        role: str = "all",
        registrar: Server | None = None,
        host: str = LOOPBACK,
        redirects: Mapping[str, str] | None = None,
        recurse: str = "",
        certificate: Certificate | None = None,
        users: Mapping[str, str] | None = None,
        settings: Sequence[str] = (),
        app: str = "",
    ) -> Server:
        """Ringway (or the stand-in), answering. UDP and TCP share their first port.

        With users, names with their passwords, it asks for them; more settings are lines of TOML.
        """
        if STAND_IN:
            return self.kamailio(
                "edge.cfg" if role == "edge" else "registrar.cfg",
                listens,
                registrar=registrar,
                host=host,
                redirects=redirects,
            )
        places = self._places(listens, host)
        state = self.file("state")
        state.mkdir()
        if users:
            self._add_users(state, users)
        more = [] if certificate is None else ["[tls]", *certificate.settings()]
        more += settings
        config = self._ringway_config(host, redirects or {}, recurse, more)
        home = registrar.uri("udp").removesuffix(";transport=udp") if registrar else ""
        args = ringway_args(
            places,
            role=role,
            registrar=home,
            config=config,
            state=state,
            app=app,
            auth=users is not None,
        )
        program = self.start(f"ringway-{role}", args, cwd=self.folder)
        return self._answering(Server(program, places, state, users))

    def _add_users(self, state: Path, users: Mapping[str, str]) -> None:
        """Let `ringway user add` make users, their passwords on its standard input.

        The same users again get the same file: each command takes a second.
        """
        file, known = state / "users.toml", frozenset(users.items())
        if known in _users_files:
            file.write_bytes(_users_files[known])
            return
        for user, password in users.items():
            args = [*ringway_command(), "user", "add", f"{user}@{DOMAIN}", "--state-dir", state]
            command = self.start(f"ringway-user-{user}", args)
            command.say(password)
            assert command.wait(15) == 0, command.text
            assert password not in command.text
        _users_files[known] = file.read_bytes()

    def ringway(self, server: Server, *words: str) -> str:
        """Run a `ringway` command against a running server; what it says."""
        assert server.state is not None
        args = [*ringway_command(), *words, "--state-dir", server.state]
        command = self.start(f"ringway-{words[0]}", args)
        assert command.wait(15) == 0, command.text
        return command.text

    def _ringway_config(
        self, host: str, redirects: Mapping[str, str], recurse: str, more: Sequence[str]
    ) -> Path:
        lines: list[str] = []
        if host not in LOOPBACKS:  # a namespace's veth, not the world
            lines.append("allow_unauthenticated_public = true")
        if recurse:
            lines += ["[recurse]", f'domains = "{recurse}"']
        for user, to in redirects.items():
            lines += ["[[redirect]]", f'user = "{user}"', f'to = "{to}"', 'for = "1h"']
        # A machine that is busy with many programs must not make a server shed calls.
        lines += ["[limits]", "lag = 0", *more]
        config = self.file("ringway.toml")
        config.write_text("\n".join(lines) + "\n")
        return config

    def kamailio(
        self,
        config: str,
        listens: Sequence[str] = ("udp", "tcp"),
        *,
        registrar: Server | None = None,
        host: str = LOOPBACK,
        redirects: Mapping[str, str] | None = None,
        defines: Mapping[str, str] | None = None,
        net: Namespace | None = None,
    ) -> Server:
        """Kamailio with a configuration of ours; in a namespace, if one is given."""
        places = self._places(listens, host if net is None else net.inside, away=net is not None)
        defines = {"DOMAIN": DOMAIN, **(defines or {})}
        if registrar is not None:
            defines["REGISTRAR"] = registrar.uri("udp").removesuffix(";transport=udp")
        for source, target in (redirects or {}).items():
            defines |= {"MOVED": source.partition(":")[2].partition("@")[0], "HOTEL": target}
        name = f"kamailio-{Path(config).stem}"
        run = self.file(f"{name}.run")
        args = kamailio_args(config, places, run, defines)
        program = self.start(name, args if net is None else net.command(args))
        return self._answering(Server(program, places))

    def _places(
        self, listens: Sequence[str], host: str, *, away: bool = False
    ) -> list[tuple[str, Place]]:
        """Free ports; of a host that is not of this namespace any may be taken."""
        here = LOOPBACK if away else host
        first = self._first_port or free_port(here)
        ports: dict[str, list[int]] = {}
        for transport in listens:
            several = ports.setdefault(transport, [])
            shared = transport in {"udp", "tcp"} and not several
            if shared:
                several.append(first)
            else:
                several.append(first + 1 if self._first_port else free_port(here))
        return listen_on(host, ports)

    def _answering(self, server: Server) -> Server:
        wait_until_it_answers(server)
        return server

    # peers

    def sipp(
        self,
        scenario: str,
        server: Server,
        transport: str = "udp",
        *,
        keys: Mapping[str, str] | None = None,
        call_id: str = "",
        port: int = 0,
        seconds: int = 15,
        more: Sequence[str] = (),
    ) -> Sipp:
        """Start a SIPp scenario for one call; a callee is there when it has registered."""
        program = need("sipp")
        host, remote = server.place(transport)
        port = port or free_port(host)
        stem = Path(scenario).stem
        messages, errors = self.file(f"{stem}.messages"), self.file(f"{stem}.errors")
        args: list[str | Path] = [
            program,
            f"{in_uri(host)}:{remote}",
            "-sf",
            HERE / "sipp" / scenario,
        ]
        args += ["-t", "u1" if transport == "udp" else "t1", "-i", host, "-p", str(port)]
        args += ["-m", "1", "-nostdin", "-timeout", f"{seconds}s", "-timeout_error"]
        args += ["-trace_msg", "-message_file", messages, "-trace_err", "-error_file", errors]
        args += ["-cp", str(free_port()), "-key", "dom", DOMAIN]
        if call_id:
            args += ["-cid_str", call_id]
        for key, value in {"from": f"caller@{DOMAIN}", **(keys or {})}.items():
            args += ["-key", key, value]
        running = self.start(f"sipp-{stem}", [*args, *more], cwd=self.folder)
        return Sipp(running, port, messages, errors)

    # asking the server

    def bindings(self, server: Server, user: str) -> list[str]:
        """The Contacts a fetch of this user's bindings lists."""
        reply = self.fetch(server, user)
        return reply.contacts if reply.status == 200 else []

    def fetch(self, server: Server, user: str) -> Reply:
        transport = next(name for name, _ in server.listens if name in {"udp", "tcp"})
        password = server.users.get(user, "")
        with Agent(transport, server.place(transport), user=user, password=password) as agent:
            return agent.fetch(f"sip:{user}@{DOMAIN}")

    def wait_bindings(
        self, server: Server, user: str, count: int, seconds: float = 10.0
    ) -> list[str]:
        """Wait until a user has so many bindings."""

        def look() -> bool:
            return len(self.bindings(server, user)) == count

        eventually(look, seconds, f"{user} has {count} bindings")
        return self.bindings(server, user)

    def close(self) -> None:
        """End all programs and show the ends of their logs (pytest shows them when it failed)."""
        self._ending.close()
        for program in self._programs:
            said = program.text.partition("------------------------------ Scenario Screen")[0]
            print(f"--- {program.name} ({program.log})\n{said[-4000:]}")
