"""Reading what strace wrote: which system call began and ended before which other."""

import re
from pathlib import Path
from typing import Final, NamedTuple

CALLS: Final = "pwrite64,write,fsync,fdatasync,sendto,sendmsg,recvfrom,read"
_LINE: Final = re.compile(r"(\d+) +(.*)")
_UNFINISHED: Final = re.compile(r"(.*) <unfinished \.\.\.>$")
_RESUMED: Final = re.compile(r"<\.\.\. (\w+) resumed>(.*)")
_CALL: Final = re.compile(r"(\w+)\(\d+<(.*?)>(?:\)|, )")


class Call(NamedTuple):
    """One system call on a file or socket.

    Attributes:
        name: of the call.
        on: the file's path, or what the socket is.
        text: the arguments and the result, as strace shows them.
        began: the line of the trace where it began.
        ended: the line where it had ended.
    """

    name: str
    on: str
    text: str
    began: int
    ended: int

    @property
    def failed(self) -> bool:
        return "= -1 " in self.text

    @property
    def syncs(self) -> bool:
        return self.name in {"fsync", "fdatasync"} and not self.failed


def traced(strace: str, file: Path, *more: str) -> tuple[str | Path, ...]:
    """A prefix that traces a program's disk and network, all threads, into one file."""
    # -y names files, -yy would say what a socket is connected to; -s shows a whole page or message.
    return (strace, "-f", "-yy", "-s", "6000", "-e", f"trace={CALLS}", *more, "-o", file)


def read_calls(file: Path) -> list[Call]:
    """The calls of a trace, in the order they began."""
    calls: list[Call] = []
    open_calls: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(file.read_text(errors="replace").splitlines()):
        found = _LINE.match(line)
        if found is None:
            continue
        thread, rest = found.groups()
        began = number
        if unfinished := _UNFINISHED.match(rest):
            open_calls[thread] = (number, unfinished[1])
            continue
        if resumed := _RESUMED.match(rest):
            if thread not in open_calls:
                continue
            began, start = open_calls.pop(thread)
            rest = start + resumed[2]
        if call := _CALL.match(rest):
            calls.append(Call(call[1], call[2], rest, began, number))
    return sorted(calls, key=lambda call: call.began)
