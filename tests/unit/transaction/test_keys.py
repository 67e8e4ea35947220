from typing import Any

import pytest
from tests.harness import kin, make_request

from ringway.message import build_response
from ringway.transaction.keys import client_key, is_legacy, server_key


def old(method: str = "INVITE", **fields: Any) -> tuple[object, ...]:
    fields.setdefault("branch", "")
    return server_key(make_request(method, **fields), method)


class TestClientKey:
    def test_is_branch_and_method(self) -> None:
        request = make_request("INVITE", branch="z9hG4bKx")
        assert client_key(build_response(request, 180)) == ("z9hG4bKx", "INVITE")

    def test_cancel_of_the_same_branch_differs(self) -> None:
        invite = make_request("INVITE")
        cancel = kin(invite, "CANCEL")
        assert client_key(build_response(invite, 200)) != client_key(build_response(cancel, 200))


class TestServerKey:
    def test_ack_finds_its_invite(self) -> None:
        invite = make_request("INVITE")
        ack = kin(invite, "ACK", to="<sip:bob@ringway.test>;tag=b")
        assert server_key(ack, "INVITE") == server_key(invite, "INVITE")

    def test_cancel_finds_its_invite_and_is_its_own_transaction(self) -> None:
        invite = make_request("INVITE")
        cancel = kin(invite, "CANCEL")
        assert server_key(cancel, "INVITE") == server_key(invite, "INVITE")
        assert server_key(cancel, "CANCEL") != server_key(invite, "INVITE")

    @pytest.mark.parametrize(
        "other", [{"branch": "z9hG4bK-2"}, {"sent_by": "10.0.0.9:5070"}, {"sent_by": "10.0.0.8"}]
    )
    def test_differs_by(self, other: Any) -> None:
        one, two = make_request("INVITE"), make_request("INVITE", **other)
        assert server_key(one, "INVITE") != server_key(two, "INVITE")

    def test_ignores_what_else_is_in_the_message(self) -> None:
        one = make_request("INVITE")
        two = make_request("INVITE", "sip:carol@else.test", call_id="other", cseq=7)
        assert server_key(one, "INVITE") == server_key(two, "INVITE")


class TestOldServerKey:
    def test_is_told_by_the_cookie(self) -> None:
        assert is_legacy(server_key(make_request("INVITE", branch=""), "INVITE"))
        assert is_legacy(server_key(make_request("INVITE", branch="1"), "INVITE"))
        assert not is_legacy(server_key(make_request("INVITE"), "INVITE"))

    def test_retransmission_is_the_same(self) -> None:
        assert old() == old()

    def test_ignores_what_we_stamp(self) -> None:
        assert old() == old(via_params=";received=10.0.0.9;rport=5060")

    @pytest.mark.parametrize(
        "other",
        [
            {"uri": "sip:carol@ringway.test"},
            {"from_": "<sip:alice@ringway.test>;tag=other"},
            {"call_id": "other"},
            {"cseq": 2},
            {"sent_by": "10.0.0.9:5070"},
            {"branch": "1"},
            {"via_params": ";x=1"},
        ],
    )
    def test_differs_by(self, other: Any) -> None:
        assert old() != old(**other)

    def test_to_tag_counts_but_for_invite_and_ack(self) -> None:
        tagged = "<sip:bob@ringway.test>;tag=b"
        assert old("BYE") != old("BYE", to=tagged)
        assert old("INVITE") == old("INVITE", to=tagged)

    def test_ack_finds_its_invite(self) -> None:
        invite = make_request("INVITE", branch="")
        ack = kin(invite, "ACK", to="<sip:bob@ringway.test>;tag=b")
        assert server_key(ack, "INVITE") == server_key(invite, "INVITE")
