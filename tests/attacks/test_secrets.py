"""What the log must not tell: credentials, of whoever's request could not be read.

RFC 7616 §5: whoever has a nonce and the response to it can try passwords for as long as it likes.
"""

import pytest
from tests.attacks.attacker import Bare, address, message
from tests.attacks.victim import DOMAIN, USERS, Victim

NONCE, RESPONSE, PASSWORD = "n0ncen0ncen0nce", "5ec4e75ec4e75ec4e75ec4e75ec4e75e", "pa55word"
DIGEST = (
    f'Digest username="alice", realm="{DOMAIN}", nonce="{NONCE}", uri="sip:{DOMAIN}", '
    f'response="{RESPONSE}"'
)
BROKEN = (
    f"Authorization {DIGEST}",
    f'nonce="{NONCE}", response="{RESPONSE}"',
    f'response={RESPONSE},nonce={NONCE},algorithm="MD5',
    f"Authorization: {DIGEST}, nonce=x\nresponse={RESPONSE}",
    f'Authorization: Digest username="alice\0", nonce="{NONCE}", response="{RESPONSE}"',
    f"Authorization: {DIGEST}, response={RESPONSE}",
    f"Contact: sip:alice:{PASSWORD}@{DOMAIN} {PASSWORD}=1",
    f"From: <sip:alice:{PASSWORD}@exa mple.com>;tag=1",
)


@pytest.mark.parametrize("log", ["json", "story"])
def test_no_log_line_has_them(tmp_path_factory: pytest.TempPathFactory, log: str) -> None:
    folder = tmp_path_factory.mktemp(log)
    with Victim(folder, log=log, users=USERS) as victim, Bare() as sock:
        for number, line in enumerate(BROKEN):
            for method in ("REGISTER", "INVITE"):
                data = message(
                    method,
                    f"sip:alice:{PASSWORD}@{DOMAIN}" if method == "INVITE" else f"sip:{DOMAIN}",
                    via=f"SIP/2.0/UDP {address(sock.place)};branch={{branch}};rport",
                    headers=[line],
                    to=f"<sip:alice@{DOMAIN}>",
                    call_id=f"broken-{number}",
                )
                sock.send(data, victim.place())
        last = f"broken-{len(BROKEN) - 1}"
        assert victim.is_well()
        victim.close()  # what it has heard and not told, it tells now
        assert last in victim.out
        for told in (victim.out, victim.err):
            for secret in (NONCE, RESPONSE, f":{PASSWORD}"):
                assert secret not in told
