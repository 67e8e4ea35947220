"""Fixtures of the browser tests: Chromium, a server, and pages in a folder."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.browser.chromium import Chromium, missing
from tests.cli.support import serving

from ringway.web.pages import page, paths

PICKED = ("en/430-vs-486.html", "en/486-vs-430.html")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    why = missing()
    if why and os.environ.get("CI", "").lower() == "true":
        pytest.fail(why, pytrace=False)
    if why:
        pytest.skip(why)
    with Chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def served() -> Iterator[str]:
    """The address of a running server's pages, without a slash at its end."""
    args = ("--json", "--listen", "udp:127.0.0.1:0", "--store", "memory", "--web", "127.0.0.1:0")
    with serving(*args) as (_, greeting):
        yield json.loads(greeting[-1])["web"].rstrip("/")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a folder with the pages, without most of the pairs."""
    directory: Path = tmp_path_factory.mktemp("pages")
    for path in (*paths(), "en/302-vs-430.html", "zh/302-vs-430.html", *PICKED):
        file = directory / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(page(path), encoding="utf-8")
    return directory.as_uri()
