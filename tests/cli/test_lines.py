"""Lines to an output that fails."""

import errno
import io
import os

import pytest

from ringway.cli.lines import PAUSE, Lines


class Disk(io.StringIO):
    """An output that fails while it has an error."""

    error: OSError | None = None
    tries = 0

    def flush(self) -> None:
        self.tries += 1
        if self.error is not None:
            raise self.error


def full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class TestLines:
    def test_a_disk_that_has_room_again_is_written_to(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        now = 0.0
        disk = Disk()
        lines = Lines(disk, lambda: now)
        disk.error = full()
        lines.say("one", "two")
        lines.say("three")  # not tried: it has only just failed
        assert disk.tries == 1
        now += PAUSE
        lines.say("four")
        now += PAUSE
        disk.error = None
        lines.say("five")
        lines.say("six")
        assert disk.getvalue().endswith("five\nsix\n")
        assert caplog.messages == [
            "standard output takes no stories for now: no space left on device",
            "stories are told again; about 4 lines are missing",
        ]

    def test_a_slow_reader_is_no_reason_to_be_silent_for_good(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        now = 0.0
        disk = Disk()
        lines = Lines(disk, lambda: now)
        disk.error = BlockingIOError(errno.EAGAIN, "write could not complete without blocking")
        lines.say("one")
        disk.error = None
        now += PAUSE
        lines.say("two")
        assert disk.getvalue().endswith("two\n")
        assert len(caplog.messages) == 2

    def test_a_reader_who_is_gone_does_not_come_back(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        disk = Disk()
        lines = Lines(disk)
        disk.error = BrokenPipeError()
        lines.say("one")
        lines.say("two")
        assert disk.tries == 1
        assert caplog.messages == ["standard output is closed: no more stories"]

    def test_nothing_is_nothing(self) -> None:
        disk = Disk()
        Lines(disk).say()
        assert disk.tries == 0

    def test_nor_does_a_log_that_fails_too_stop_calls(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise full()

        monkeypatch.setattr("ringway.cli.lines._logger.warning", fail)
        disk = Disk()
        disk.error = full()
        Lines(disk).say("one")
        assert disk.tries == 1
