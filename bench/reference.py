"""`python -m bench.reference`: how quick the web pages are; fills docs/how-to/reference-site.md."""

import asyncio
import gzip
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop
from docs.generate.pages import DOCS, filled, table
from tests.browser.chromium import Chromium, missing

from ringway.aio.process import tune_collector
from ringway.aio.sockets import bind_stream
from ringway.codes import Language
from ringway.transport.flow import Address
from ringway.web.pages import page
from ringway.web.serving import WebServer

PAGE = DOCS / "how-to" / "reference-site.md"
_PAGES = (
    "en/index.html",
    "en/430.html",
    "en/302-vs-430.html",
    "zh/302-vs-430.html",
    "en/guide.html",
)
_ROUNDS = 15
_CODES = range(400, 440)

Row = tuple[str, ...]


def whole_site() -> Row:
    """Write and check the site as a command, so that its start counts."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        command = [sys.executable, "-m", "ringway.cli", "site", str(Path(folder) / "site")]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        seconds = time.perf_counter() - begun
    return ("the whole site, written and its links checked", f"{seconds:.1f} s", told.split(";")[0])


def sizes() -> Iterator[Row]:
    """The size of some pages, and the time to make one when its texts are read."""
    for path in _PAGES:
        data = page(path).encode()
        spent = []
        for _ in range(_ROUNDS):
            begun = time.perf_counter()
            page(path)
            spent.append(time.perf_counter() - begun)
        packed = len(gzip.compress(data, 6))
        size = f"{len(data) / 1000:.0f} kB, {packed / 1000:.1f} kB by gzip"
        yield (f"`{path}`", f"{statistics.median(spent) * 1000:.1f} ms", size)


async def answers() -> list[Row]:
    """What a request costs, and for how long the event loop waits for it."""
    rows: list[Row] = []
    async with WebServer(bind_stream(Address("127.0.0.1", 0))) as web:
        tune_collector()  # as `ringway serve` does
        paths = [f"/{language}/{each}-vs-603.html" for language in Language for each in _CODES]
        for name in ("a page that nobody has read yet", "the same again"):
            spent: list[float] = []
            waits: list[float] = []
            async with asyncio.TaskGroup() as tasks:
                asking = tasks.create_task(_ask_all(web.url, paths, spent))
                while not asking.done():
                    begun = time.perf_counter()
                    await asyncio.sleep(0)
                    waits.append(time.perf_counter() - begun)
            held = f"the loop waits at most {max(waits) * 1000:.1f} ms at a time"
            rows.append((name, f"{statistics.median(spent) * 1000:.1f} ms", held))
    return rows


async def _ask_all(url: str, paths: list[str], spent: list[float]) -> None:
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    for path in paths:
        begun = time.perf_counter()
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        await reader.read()
        spent.append(time.perf_counter() - begun)
        writer.close()


def paints() -> Iterator[Row]:
    """The time from the request to the first paint, in Chromium with an empty cache."""
    if missing():
        return
    with served() as url, Chromium() as browser:
        for path in ("en/302-vs-430.html", "zh/302-vs-430.html"):
            times = [browser.run("paint", f"{url}{path}") for _ in range(_ROUNDS)]
            shown = f"{min(times):.0f} to {max(times):.0f} ms"
            yield (f"first paint of `{path}`", f"{statistics.median(times):.0f} ms", shown)


@contextmanager
def served() -> Iterator[str]:
    """A server in a process of its own."""
    command = [sys.executable, "-m", "ringway.cli", "serve", "--listen", "udp:127.0.0.1:0"]
    command += ["--store", "memory", "--web", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = ""
        for line in process.stdout:
            if "http://" in line:
                url = line.split()[0]
            if "ready" in line:
                break
        try:
            yield url
        finally:
            process.terminate()


def main() -> None:
    waits = uvloop.run(answers())  # first: what the site leaves in memory would slow the collector
    rows = [whole_site(), *waits, *sizes(), *paints()]
    shown = table(("what", "time", ""), rows)
    print(shown)
    PAGE.write_text(filled(PAGE, {"bench-reference": shown}), encoding="utf-8")


if __name__ == "__main__":
    main()
