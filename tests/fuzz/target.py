"""Runs a fuzz target: with atheris where it is installed, else on the files that are named."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path


def run_target(check: Callable[[bytes], None]) -> None:
    """Give a target its input, from atheris or from the files on the command line."""
    try:
        atheris = importlib.import_module("atheris")
    except ImportError:
        for name in sys.argv[1:]:
            check(Path(name).read_bytes())
        return
    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
