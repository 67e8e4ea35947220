"""``python -m bench``: the README's speed table, and bench/results with every run behind it."""

import argparse
import shutil
import sys
import time
from pathlib import Path

from bench.load import Ports, pin_to_driver_core
from bench.plan import QUICK, Plan, run_all
from bench.proc import port_is_free
from bench.report import markdown, save, write_table
from bench.servers import candidates

_RESULTS = Path(__file__).parent / "results"
_README = Path(__file__).parent.parent / "README.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute, to see that it works")
    parser.add_argument("--only", action="append", metavar="SERVER", help="repeat for several")
    parser.add_argument("--port", type=int, default=5060, help="of the server (default: 5060)")
    options = parser.parse_args()
    plan = QUICK if options.quick else Plan()
    servers = [each for each in candidates() if not options.only or each.key in options.only]
    if problem := _problem(options.port, [each.key for each in servers]):
        print(problem, file=sys.stderr)
        return 2
    pin_to_driver_core()
    start = time.monotonic()

    def tell(text: str) -> None:
        print(f"{time.monotonic() - start:6.1f} s  {text}", file=sys.stderr, flush=True)

    if not any(each.key == "kamailio" for each in servers):
        tell("without Kamailio to compare with: apt-get install kamailio and its modules")
    results = run_all(plan, servers, options.port, tell)
    save(_RESULTS / f"{'quick' if options.quick else 'full'}.json", plan, servers, results)
    table = markdown(plan, servers, results)
    print(table, end="")
    if not options.quick and not options.only:
        write_table(_README, table)
    return 1 if any(found.errors for found in results.values()) else 0


def _problem(port: int, keys: list[str]) -> str:
    missing = [name for name in ("sipp", "taskset") if not shutil.which(name)]
    if missing:
        return f"needs {' and '.join(missing)}: apt-get install sip-tester util-linux"
    if not keys:
        return "--only: kamailio, compiled (after `make compiled`), memory or sqlite"
    ports = Ports(port)
    busy = [each for each in (ports.server, ports.caller, ports.callee) if not port_is_free(each)]
    return f"port {busy[0]} is in use: give another --port" if busy else ""


if __name__ == "__main__":
    sys.exit(main())
