"""How often an operator hears that a store keeps nothing."""

import logging

import pytest

from ringway.aio.stores.trouble import EVERY, Trouble

FULL = "/var/lib/ringway/ringway.db: the disk is full"


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING, "ringway.store")
    return caplog


def test_loud_once_then_each_minute_then_the_end(said: pytest.LogCaptureFixture) -> None:
    trouble = Trouble()
    for second in range(121):
        trouble.failed(FULL, 1000.0 + second)
    trouble.kept(1121.5)
    assert said.messages == [
        f"not stored: {FULL}; a REGISTER that has to be kept gets 500 until this ends, calls go on",
        f"still not stored: {FULL}; 61 refused in 60 s",
        f"still not stored: {FULL}; 121 refused in 120 s",
        "stored again, after 121.5 s and 121 refused",
    ]
    assert [record.levelname for record in said.records] == ["ERROR"] * 3 + ["WARNING"]


def test_nothing_is_said_while_all_is_well(said: pytest.LogCaptureFixture) -> None:
    trouble = Trouble()
    trouble.kept(1.0)
    assert not said.messages


def test_what_flaps_says_one_pair_of_lines_a_minute(said: pytest.LogCaptureFixture) -> None:
    trouble = Trouble()
    for number in range(200):
        trouble.failed(FULL, 1000.0 + number / 2)
        trouble.kept(1000.25 + number / 2)
    assert [line.split(":")[0].split(",")[0] for line in said.messages] == [
        "not stored",
        "stored again",
        "not stored",
        "stored again",
    ]


def test_trouble_that_began_unsaid_is_said_when_it_stays(said: pytest.LogCaptureFixture) -> None:
    trouble = Trouble()
    trouble.failed(FULL, 1000.0)
    trouble.kept(1001.0)
    trouble.failed(FULL, 1002.0)
    trouble.failed(FULL, 1000.0 + EVERY)
    trouble.kept(1062.0)
    assert said.messages[2:] == [
        f"still not stored: {FULL}; 2 refused in 58 s",
        "stored again, after 60.0 s and 2 refused",
    ]
