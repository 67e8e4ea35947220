import csv
from pathlib import Path

import pytest

from ringway.message import canonical_name, is_token, pretty_name
from ringway.message.names import LISTS, METHODS, NAMES, SINGLES

IANA = Path(__file__).resolve().parents[3].parent / "shared" / "corpora" / "iana"


class TestCanonicalName:
    @pytest.mark.parametrize(
        ("written", "canonical"),
        [
            ("Via", "via"),
            ("v", "via"),
            ("V", "via"),
            ("CALL-ID", "call-id"),
            ("cAlL-iD", "call-id"),
            ("i", "call-id"),
            ("X-Own", "x-own"),
        ],
    )
    def test_any_spelling(self, written: str, canonical: str) -> None:
        assert canonical_name(written) == canonical

    def test_lists_and_singles_are_known_names(self) -> None:
        known = set(NAMES.values())
        assert known >= LISTS
        assert known >= SINGLES
        assert not LISTS & SINGLES

    @pytest.mark.skipif(not IANA.is_dir(), reason="the corpora are not here")
    def test_compact_forms_and_methods_are_those_of_the_registry(self) -> None:
        with (IANA / "header_fields.csv").open(encoding="utf-8", newline="") as file:
            compact = {row["compact"]: row["header"] for row in csv.DictReader(file)}
        del compact[""]
        for short, long in compact.items():
            assert canonical_name(short) == long.lower(), short
        with (IANA / "methods.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        assert {row[0] for row in rows[1:]} == METHODS


class TestPrettyName:
    @pytest.mark.parametrize(
        ("written", "pretty"),
        [
            ("via", "Via"),
            ("V", "Via"),
            ("call-id", "Call-ID"),
            ("cseq", "CSeq"),
            ("www-authenticate", "WWW-Authenticate"),
            ("X-own", "X-own"),
        ],
    )
    def test_usual_spelling(self, written: str, pretty: str) -> None:
        assert pretty_name(written) == pretty

    @pytest.mark.parametrize("name", ["", "X:", "X Y", "X\r\nY", "Ümlaut"])
    def test_refuses_what_is_no_name(self, name: str) -> None:
        with pytest.raises(ValueError, match="not a header name"):
            pretty_name(name)


class TestToken:
    def test_token(self) -> None:
        assert is_token("!interesting-Method0123456789_*+`.%indeed'~")

    @pytest.mark.parametrize("text", ["", "a b", "a/b", "a:", "é", "a\n"])
    def test_no_token(self, text: str) -> None:
        assert not is_token(text)
