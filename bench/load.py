"""Load by SIPp: calls, registrations and redirects at a fixed rate, and what one cost."""

import contextlib
import csv
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.proc import DRIVER_CORE, HOST, Server, process_cpu_ns

_SCENARIOS = Path(__file__).parent / "sipp"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the server and the two sides of SIPp are."""

    server: int

    @property
    def caller(self) -> int:
        return self.server + 30

    @property
    def callee(self) -> int:
        return self.server + 10


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run; ``us`` is the server's CPU time for one call, in microseconds."""

    us: float
    rate: float
    done: int
    failed: int
    retransmissions: int
    drops: int
    server_load: float
    driver_load: float
    memory_mb: float

    @property
    def clean(self) -> bool:
        """Whether the figure can be trusted: nothing lost, nothing sent twice."""
        return not (self.failed or self.retransmissions or self.drops)


class _Sipp:
    def __init__(
        self,
        directory: Path,
        scenario: str,
        port: int,
        *,
        server_port: int,
        keys: dict[str, object] | None = None,
        calling: Sequence[object] = (),
    ) -> None:
        name = f"{scenario.removesuffix('.xml')}-{time.monotonic_ns()}"
        self._stat = directory / f"{name}.csv"
        command: list[object] = ["taskset", "-c", DRIVER_CORE, "sipp"]
        if calling:
            command.append(f"{HOST}:{server_port}")
        command += ["-sf", _SCENARIOS / scenario, "-i", HOST, "-p", port, "-t", "u1", "-nostdin"]
        command += ["-trace_stat", "-stf", self._stat, "-fd", 1]
        command += ["-trace_err", "-error_file", directory / f"{name}.err"]
        command += ["-buff_size", 4_000_000, "-deadcall_wait", 0 if calling else 2000]
        command += ["-default_behaviors", "bye,abortunexp", "-key", "dom", f"{HOST}:{server_port}"]
        for key, value in (keys or {}).items():
            command += ["-key", key, value]
        self.process = subprocess.Popen(
            [str(each) for each in (*command, *calling)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=directory,
            start_new_session=True,
        )

    def cpu_ns(self) -> int:
        return process_cpu_ns(self.process.pid) if self.process.poll() is None else 0

    def count(self, column: str) -> int:
        try:
            with self._stat.open(newline="") as file:
                rows = list(csv.DictReader(file, delimiter=";"))
        except OSError:
            return 0
        return int(rows[-1].get(column) or 0) if rows else 0

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(3)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Load:
    """Drives one server with SIPp.

    Args:
        server: the running server.
        ports: where everybody is.
        directory: for SIPp's files.
        users: how many users, u1 to uN, there are.
        rate: calls a second.
    """

    def __init__(
        self, server: Server, ports: Ports, directory: Path, users: int, rate: int
    ) -> None:
        self._server = server
        self._ports = ports
        self._directory = directory
        self._users = users
        self._rate = rate
        self._cseq = 0

    def register(self, count: int) -> Run:
        """Register u1 to u``count``; the second time refreshes the same bindings."""
        self._cseq += 1
        keys = {"chost": HOST, "cport": self._ports.callee, "cpar": "", "cseqno": self._cseq}
        return self._run("register.xml", count, keys, ["-cid_str", f"%u-reg@{HOST}"])

    def calls(self, count: int) -> Run:
        """INVITE, 180, 200, ACK, BYE, 200 through the server to registered users."""
        callee = self._sipp("uas.xml", self._ports.callee)
        try:
            time.sleep(0.5)
            return self._run("uac.xml", count, {}, [*self._to_users(), "-d", 50], callee)
        finally:
            callee.stop()

    def redirects(self, count: int) -> Run:
        """INVITE that the server itself answers with 302."""
        return self._run("uac_302.xml", count, {}, self._to_users())

    def _to_users(self) -> list[object]:
        path = self._directory / "users.csv"
        names = "".join(f"u{number};\n" for number in range(1, self._users + 1))
        path.write_text("SEQUENTIAL\n" + names)
        return ["-inf", path]

    def _sipp(self, scenario: str, port: int) -> _Sipp:
        return _Sipp(self._directory, scenario, port, server_port=self._ports.server)

    def _run(
        self,
        scenario: str,
        count: int,
        keys: dict[str, object],
        options: Sequence[object],
        callee: _Sipp | None = None,
    ) -> Run:
        time.sleep(0.3)
        drops, cpu = self._server.drops(), self._server.cpu_ns()
        callee_cpu = callee.cpu_ns() if callee else 0
        start = time.monotonic()
        caller = _Sipp(
            self._directory,
            scenario,
            self._ports.caller,
            server_port=self._ports.server,
            keys=keys,
            calling=["-r", self._rate, "-m", count, "-l", 15_000, *options],
        )
        give_up = start + count / self._rate * 3 + 45
        driver_cpu = 0
        while caller.process.poll() is None and time.monotonic() < give_up:
            driver_cpu = caller.cpu_ns() or driver_cpu
            time.sleep(0.05)
        seconds = time.monotonic() - start
        cpu = self._server.cpu_ns() - cpu
        caller.stop()
        if callee:
            driver_cpu += callee.cpu_ns() - callee_cpu
            # SIPp writes its last counts once a second.
            time.sleep(1.1)
        done = caller.count("SuccessfulCall(C)")
        sides = [caller, callee] if callee else [caller]
        return Run(
            us=round(cpu / max(done, 1) / 1e3, 1),
            rate=round(done / seconds, 1),
            done=done,
            failed=count - done,
            retransmissions=sum(side.count("Retransmissions(C)") for side in sides),
            drops=self._server.drops() - drops,
            server_load=round(cpu / 1e9 / seconds, 3),
            driver_load=round(driver_cpu / 1e9 / seconds, 3),
            memory_mb=self._server.rss_mb(),
        )


def pin_to_driver_core() -> None:
    """Keep this process away from the server's core."""
    os.sched_setaffinity(0, {int(DRIVER_CORE)})
