"""The mapping to and from Q.850, against the text of RFC 3398 where it is at hand."""

import csv
from pathlib import Path

import pytest

from ringway.codes import TABLE
from ringway.reference import q850

IANA = Path(__file__).parents[4] / "shared" / "corpora" / "iana"


def rows(name: str) -> list[dict[str, str]]:
    path = IANA / name
    if not path.is_file():
        pytest.skip("the tables of RFC 3398 are not here")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_codes_are_registered_and_causes_have_names() -> None:
    assert set(q850.FROM_SIP) | set(q850.TO_SIP.values()) <= set(TABLE)
    assert set(q850.FROM_SIP.values()) | set(q850.TO_SIP) == set(q850.NAMES)


def test_from_sip_is_what_the_rfc_says() -> None:
    said = {
        # The RFC's table has 504 twice; the second, by its phrase, is 505.
        505 if "Version" in row["reason"] else int(row["sip_code"]): int(row["q850_cause"])
        for row in rows("sip_to_q850_rfc3398.csv")
    }
    assert dict(q850.FROM_SIP) == said


def test_to_sip_is_what_the_rfc_says() -> None:
    said: dict[int, int] = {}
    for row in rows("q850_to_sip_rfc3398.csv"):
        if row["sip_response"][:3].isdigit():
            said.setdefault(int(row["q850_cause"]), int(row["sip_response"][:3]))
    assert dict(q850.TO_SIP) == said
