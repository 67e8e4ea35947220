"""A real Chromium, driven through tests/browser/driver.js."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

HERE = Path(__file__).parent
NODE_MODULES = HERE / ".peers" / "node_modules"


def missing() -> str:
    """What is not on this machine; empty when all is."""
    for program in ("node", "chromium"):
        if shutil.which(program) is None:
            return f"{program} is not installed: see tests/interop/install-peers"
    if not all((NODE_MODULES / each).is_dir() for each in ("playwright-core", "axe-core")):
        return (
            "playwright-core and axe-core (npm) are not installed: see tests/interop/install-peers"
        )
    return ""


class Chromium:
    """Runs scenarios, each in a fresh profile; use it as a context manager."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            ["node", str(HERE / "driver.js"), str(shutil.which("chromium"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "NODE_PATH": str(NODE_MODULES)},
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()  # it ends the browser, then itself
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def run(
        self, scenario: str, url: str, options: dict[str, object] | None = None, **more: object
    ) -> Any:
        """Open a page and run a scenario; fails on any complaint of the page."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"scenario": scenario, "url": url, "options": options or {}, **more}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "failed" not in answer, f"{scenario} {url}: {answer}"
        assert not answer["complaints"], f"{scenario} {url}: {answer['complaints']}"
        return answer["told"]
