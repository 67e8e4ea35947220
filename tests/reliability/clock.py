"""A time of day that can be set for one program alone (libfaketime)."""

from pathlib import Path
from typing import Final

from tests.interop.peers import missing

_FOLDERS: Final = ("/usr/lib", "/usr/lib64", "/usr/local/lib")
_NAME: Final = "libfaketimeMT.so.1"


class Clock:
    """What a program, started with `settings`, takes for the time of day.

    Args:
        folder: for the file that says by how much it is wrong.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.settings = {
            "LD_PRELOAD": _library(),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.step("+0s")

    def step(self, offset: str) -> None:
        """Be wrong by `+1d` or `-2h` from now on."""
        later = self._file.with_suffix(".new")
        later.write_text(offset)
        later.replace(self._file)


def _library() -> str:
    for folder in _FOLDERS:
        for pattern in (f"faketime/{_NAME}", f"*/faketime/{_NAME}"):
            for found in Path(folder).glob(pattern):
                return str(found)
    missing("faketime is not installed: see tests/interop/install-peers")
    raise AssertionError  # both ways out raise
