"""`python -m bench.explain`: explaining a capture, beside tshark that reads the same file.

Fills docs/how-to/explain-a-capture.md and bench/results/explain.json. The programs take turns, each
run is a process of its own, and what the kernel counted for it is what counts. sngrep is not among
them: without a terminal it does not end by itself.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from docs.generate.pages import DOCS, filled, table

from bench.proc import calibrate
from bench.report import machine
from bench.servers import COMPILED

PAGE = DOCS / "how-to" / "explain-a-capture.md"
RESULTS = Path(__file__).parent / "results" / "explain.json"
_FIELDS = ("frame.number", "sip.Method", "sip.Status-Code", "sip.Call-ID")


@dataclass(frozen=True, slots=True)
class Program:
    """What is measured: a name for the table, and the command."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a program: seconds, and MB at its peak."""

    wall: float
    cpu: float
    memory: float


def programs(folder: Path, messages: int) -> list[Program]:
    """What is compared, over files of so many messages."""
    explain = (sys.executable, "-m", "ringway.cli", "explain")
    pcap, text = str(folder / f"{messages}.pcap"), str(folder / f"{messages}.txt")
    found = [
        Program("`ringway explain`: stories and findings", (*explain, pcap)),
        Program("the same with `--json`", (*explain, pcap, "--json")),
        Program("the same with `--html`", (*explain, pcap, "--html", str(folder / "page.html"))),
        Program("the same messages as sngrep's text", (*explain, text)),
    ]
    if (COMPILED / ".done").exists():
        compiled = ("env", f"PYTHONPATH={COMPILED}", *explain, pcap)
        found.insert(1, Program("the same, [compiled](compile.md)", compiled))
    if shutil.which("tshark"):
        fields = tuple(word for name in _FIELDS for word in ("-e", name))
        listed = ("tshark", "-r", pcap, "-Y", "sip", "-T", "fields", *fields)
        found += [
            Program("`tshark -Y sip -T fields`: four fields of each", listed),
            Program(
                "`tshark -q -z sip,stat`: counts", ("tshark", "-r", pcap, "-q", "-z", "sip,stat")
            ),
        ]
    return found


def run(command: Sequence[str]) -> Run:
    """Run a program to its end.

    Raises:
        RuntimeError: it failed.
    """
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        begun = time.perf_counter()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):  # 1: something was found
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def rows(found: dict[Program, list[Run]], messages: int) -> Iterator[tuple[str, ...]]:
    """The table: medians."""
    for program, runs in found.items():
        cpu = statistics.median(each.cpu for each in runs)
        wall = statistics.median(each.wall for each in runs)
        memory = statistics.median(each.memory for each in runs)
        rate = f"{messages / cpu:,.0f}"
        yield program.name, f"{cpu:.1f} s", f"{wall:.1f} s", rate, f"{memory:.0f} MB"


def _write(folder: Path, sizes: Sequence[int], texts: Sequence[int]) -> None:
    """Write the files in processes of their own: what this one holds counts as the programs'."""
    forms = [(each, "pcap", "pcap") for each in sizes] + [(each, "txt", "sngrep") for each in texts]
    for messages, ending, form in forms:
        path = folder / f"{messages}.{ending}"
        if path.exists():
            continue
        command = [sys.executable, "-m", "bench.explain_file", str(path), str(messages), form]
        subprocess.run(command, check=True)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.explain", description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="keep the files here, and use what is here")
    parser.add_argument("--dry", action="store_true", help="leave the page and the results alone")
    options = parser.parse_args()
    messages: int = options.messages
    sizes = (messages // 10, messages, messages * 3)
    found: dict[Program, list[Run]] = {}
    calibrations = []
    with tempfile.TemporaryDirectory() as name:
        folder = options.folder or Path(name)
        _write(folder, sizes, [messages])
        size = (folder / f"{messages}.pcap").stat().st_size
        for number in range(options.rounds):
            calibrations.append(calibrate() | {"load": os.getloadavg()[0]})
            for program in programs(folder, messages):
                found.setdefault(program, []).append(run(program.command))
                _tell(f"{number + 1}  {program.name}: {found[program][-1]}")
        grown = {each: run(programs(folder, each)[0].command) for each in sizes}
    shown = table(
        ("what", "CPU", "wall", "messages per CPU second", "peak memory"), rows(found, messages)
    )
    growth = ", ".join(f"{run.memory:.0f} MB at {each:,}" for each, run in grown.items())
    loads = ", ".join(f"{each['load']:.1f}" for each in calibrations)
    on = machine()
    shown += (
        f"\n\n{messages:,} messages ({size / 1e6:.0f} MB) of made-up traffic: calls and"
        f" registrations of many phones through a proxy and two edges, over UDP and TCP. Medians of"
        f" {options.rounds} runs, taken in turns. {on['cpu']}, {on['cores']} cores;"
        f" load of the machine before each round: {loads}.\n\n"
        f"Peak memory of `ringway explain` by messages in the file: {growth}."
    )
    print(shown)
    if not options.dry:
        values = {
            "machine": on,
            "messages": messages,
            "calibration": calibrations,
            "runs": {each.name: [asdict(run) for run in runs] for each, runs in found.items()},
            "growth": {str(each): asdict(run) for each, run in grown.items()},
        }
        RESULTS.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(filled(PAGE, {"bench-explain": shown}), encoding="utf-8")


if __name__ == "__main__":
    main()
