"""Compiles the hot path with mypyc where RINGWAY_COMPILE=1 is set; without it nothing is compiled.

    RINGWAY_COMPILE=1 pip install .

The sources are the same, and stay beside what is compiled of them. An editable install is never
compiled: what is compiled would hide what is edited.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PLACES = (
    "message",
    "transaction",
    "transport",
    "endpoint",
    "location",
    "proxy",
    "redirect",
    "registrar",
    "server/limits",
    "server/admission.py",
    "server/core.py",
    "server/policy.py",
    "aio/driver.py",
)
"""Where the time of a call and of a registration is spent, as `make bench` shows."""

LEFT_OUT = ("proxy/identity.py",)
"""mypyc 2 takes a function over a type variable with two values for one that mixes them."""

NEEDS = ["mypy>=1.11", "setuptools>=65", "cryptography>=42", "websockets>=13"]


class CustomBuildHook(BuildHookInterface[Any]):
    """The hook by which hatchling asks."""

    def dependencies(self) -> list[str]:
        """Return what a build needs."""
        return NEEDS if self._compiles() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and add the extension modules to the wheel."""
        if version == "editable" or not self._compiles():
            return
        self._folder = Path(tempfile.mkdtemp(prefix="ringway-"))
        for path in compile_to(Path(self.root) / "src", self._folder):
            build_data["force_include"][str(path)] = str(path.relative_to(self._folder))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - hatchling's
        """Leave nothing behind."""
        if hasattr(self, "_folder"):
            shutil.rmtree(self._folder)

    def _compiles(self) -> bool:
        return self.target_name == "wheel" and os.environ.get("RINGWAY_COMPILE") == "1"


def compile_to(source: Path, folder: Path) -> list[Path]:
    """Compile a copy of the sources in a folder; return the extension modules."""
    from mypyc.build import mypycify  # noqa: PLC0415 - only where something is compiled
    from setuptools import Distribution  # noqa: PLC0415
    from setuptools.command.build_ext import build_ext  # noqa: PLC0415

    shutil.copytree(source / "ringway", folder / "ringway")
    before = Path.cwd()
    os.chdir(folder)
    try:
        paths = [path for place in PLACES for path in _modules(Path("ringway", place))]
        left_out = {Path("ringway", each) for each in LEFT_OUT}
        modules = [str(path) for path in paths if path not in left_out]
        extensions = mypycify(["--strict", "--ignore-missing-imports", *modules], opt_level="2")
        command = build_ext(Distribution({"name": "ringway", "ext_modules": extensions}))
        command.inplace = True
        command.ensure_finalized()
        command.run()
    finally:
        os.chdir(before)
    return sorted([*folder.glob("*.so"), *folder.glob("ringway/**/*.so")])


def _modules(place: Path) -> list[Path]:
    if place.suffix:
        return [place]
    return [path for path in sorted(place.glob("*.py")) if path.name != "__init__.py"]
