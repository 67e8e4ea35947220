"""The rows: complete, and right in the facts that are easy to get wrong."""

import csv
import re
from pathlib import Path

import pytest

from ringway.codes import TABLE, Cache, Code, Rank, Sender, lookup

CORPORA = Path(__file__).resolve().parents[4] / "shared" / "corpora"
IANA = CORPORA / "iana" / "response_codes.csv"

# Status, phrase and RFC as registered with IANA; kept here so that a row that is lost,
# or altered by accident, is missed.
REGISTERED = """
100 3261 Trying
180 3261 Ringing
181 3261 Call Is Being Forwarded
182 3261 Queued
183 3261 Session Progress
199 6228 Early Dialog Terminated
200 3261 OK
202 6665 Accepted
204 5839 No Notification
300 3261 Multiple Choices
301 3261 Moved Permanently
302 3261 Moved Temporarily
305 3261 Use Proxy
380 3261 Alternative Service
400 3261 Bad Request
401 3261 Unauthorized
402 3261 Payment Required
403 3261 Forbidden
404 3261 Not Found
405 3261 Method Not Allowed
406 3261 Not Acceptable
407 3261 Proxy Authentication Required
408 3261 Request Timeout
410 3261 Gone
412 3903 Conditional Request Failed
413 3261 Request Entity Too Large
414 3261 Request-URI Too Long
415 3261 Unsupported Media Type
416 3261 Unsupported URI Scheme
417 4412 Unknown Resource-Priority
420 3261 Bad Extension
421 3261 Extension Required
422 4028 Session Interval Too Small
423 3261 Interval Too Brief
424 6442 Bad Location Information
425 8876 Bad Alert Message
428 8224 Use Identity Header
429 3892 Provide Referrer Identity
430 5626 Flow Failed
433 5079 Anonymity Disallowed
436 8224 Bad Identity Info
437 8224 Unsupported Credential
438 8224 Invalid Identity Header
439 5626 First Hop Lacks Outbound Support
440 5393 Max-Breadth Exceeded
469 6086 Bad Info Package
470 5360 Consent Needed
480 3261 Temporarily Unavailable
481 3261 Call/Transaction Does Not Exist
482 3261 Loop Detected
483 3261 Too Many Hops
484 3261 Address Incomplete
485 3261 Ambiguous
486 3261 Busy Here
487 3261 Request Terminated
488 3261 Not Acceptable Here
489 6665 Bad Event
491 3261 Request Pending
493 3261 Undecipherable
494 3329 Security Agreement Required
500 3261 Server Internal Error
501 3261 Not Implemented
502 3261 Bad Gateway
503 3261 Service Unavailable
504 3261 Server Time-out
505 3261 Version Not Supported
513 3261 Message Too Large
555 8599 Push Notification Service Not Supported
580 3312 Precondition Failure
600 3261 Busy Everywhere
603 3261 Decline
604 3261 Does Not Exist Anywhere
606 3261 Not Acceptable
607 8197 Unwanted
608 8688 Rejected
""".strip().splitlines()


ROWS = tuple(TABLE.values())


class TestCompleteness:
    def test_every_registered_code_has_its_row(self) -> None:
        ours = [f"{code.status} {code.rfc.removeprefix('RFC ')} {code.phrase}" for code in ROWS]
        assert ours == REGISTERED
        assert len(ours) == 75

    @pytest.mark.skipif(not IANA.exists(), reason="the IANA registry is not next to the project")
    def test_agrees_with_the_registry(self) -> None:
        with IANA.open(encoding="utf-8", newline="") as file:
            registry = {
                (
                    int(row["code"]),
                    row["reason"].removesuffix(" (Deprecated)"),
                    row["reference"].replace("RFC", "RFC "),
                )
                for row in csv.DictReader(file)
            }
        assert {(code.status, code.phrase, code.rfc) for code in ROWS} == registry

    @pytest.mark.parametrize("code", ROWS, ids=lambda code: str(code.status))
    def test_the_section_is_in_the_rfc(self, code: Code) -> None:
        assert re.fullmatch(r"\d+(\.\d+)*", code.section)
        text = CORPORA / "rfc" / f"{code.rfc.lower().replace(' ', '')}.txt"
        if not text.exists():
            pytest.skip(f"{code.rfc} is not next to the project")
        heading = re.compile(rf"^ *{re.escape(code.section)}\.? +\S.*$", re.MULTILINE)
        headings = heading.findall(text.read_text(encoding="utf-8", errors="replace"))
        assert headings
        if code.rfc == "RFC 3261":
            assert any(str(code.status) in line for line in headings)

    @pytest.mark.parametrize("code", ROWS, ids=lambda code: str(code.status))
    def test_a_row_is_of_its_class(self, code: Code) -> None:
        ranks: dict[int, set[int]] = {
            1: {Rank.NOT_FINAL},
            2: {Rank.SUCCESS},
            3: {Rank.REDIRECTION},
            4: set(range(Rank.CHALLENGE, Rank.PATH_CANCELLED + 1)),
            5: {Rank.ANSWER_5XX, Rank.PATH_BROKEN},
            6: {Rank.GLOBAL_FAILURE},
        }
        assert code.rank in ranks[code.status // 100]
        assert code.may_be_sent_by


class TestLookup:
    def test_a_known_code_is_its_row(self) -> None:
        assert lookup(430).phrase == "Flow Failed"
        assert lookup(430).section == "11.5"

    @pytest.mark.parametrize(
        ("status", "read_as"),
        [
            (101, 183),
            (198, 183),
            (299, 200),
            (303, 300),
            (431, 400),
            (499, 400),
            (599, 500),
            (699, 600),
        ],
    )
    def test_an_unknown_code_is_read_as_one_of_its_class(self, status: int, read_as: int) -> None:
        assert lookup(status) is TABLE[read_as]

    @pytest.mark.parametrize("status", [-1, 0, 99, 700, 4294967301])
    def test_a_number_of_no_class_is_refused(self, status: int) -> None:
        with pytest.raises(ValueError, match=f"{status} is not a SIP status code"):
            lookup(status)


class TestFacts:
    @pytest.mark.parametrize(
        ("status", "headers"),
        [
            (199, ("Reason",)),
            (401, ("WWW-Authenticate",)),
            (405, ("Allow",)),
            (407, ("Proxy-Authenticate",)),
            (420, ("Unsupported",)),
            (421, ("Require",)),
            (422, ("Min-SE",)),
            (423, ("Min-Expires",)),
            (424, ("Geolocation-Error",)),
            (425, ("AlertMsg-Error",)),
            (469, ("Recv-Info",)),
            (494, ("Security-Server",)),
            (608, ("Call-Info",)),
        ],
    )
    def test_headers_it_must_carry(self, status: int, headers: tuple[str, ...]) -> None:
        assert TABLE[status].must_carry == headers

    def test_no_other_code_must_carry_anything(self) -> None:
        assert {code.status for code in ROWS if code.must_carry} == {
            *(199, 401, 405, 407, 420, 421, 422, 423, 424, 425, 469, 494, 608),
        }

    def test_415_must_list_something_acceptable(self) -> None:
        assert TABLE[415].must_carry_one_of == ("Accept", "Accept-Encoding", "Accept-Language")

    def test_only_two_redirections_may_be_kept(self) -> None:
        kept = {code.status: code.cacheable for code in ROWS if code.cacheable != Cache.NEVER}
        assert kept == {301: Cache.PERMANENT, 302: Cache.WITH_EXPIRY}

    def test_only_305_names_a_proxy(self) -> None:
        assert [code.status for code in ROWS if code.contact_is_proxy] == [305]

    def test_challenges_are_aggregated(self) -> None:
        assert {code.status for code in ROWS if code.aggregates} == {401, 407}

    def test_only_482_may_mean_a_copy_of_the_request(self) -> None:
        assert [code.status for code in ROWS if code.means_duplicate] == [482]

    @pytest.mark.parametrize(
        ("status", "senders"),
        [
            (180, {Sender.UAS}),
            (305, {Sender.UAS}),
            (401, {Sender.UAS, Sender.REGISTRAR}),
            (407, {Sender.PROXY, Sender.EDGE}),
            (430, {Sender.EDGE}),
            (439, {Sender.REGISTRAR}),
            (440, {Sender.PROXY, Sender.EDGE}),
        ],
    )
    def test_who_may_send_it(self, status: int, senders: set[Sender]) -> None:
        assert TABLE[status].may_be_sent_by == senders
