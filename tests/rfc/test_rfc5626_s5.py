"""RFC 5626 §5: the edge proxy, before a registrar of ours or somebody else's."""

from typing import Any

import pytest
from tests.harness import Peer
from tests.unit.proxy.world import BOB, DOMAIN, KEYS, Dialog, Node, World

from ringway.codes import Role
from ringway.message import Request, parse_uri
from ringway.transport.token import KEY_LENGTH, Purpose, Sealer, TokenKeys, purpose_of

REGISTRAR = "10.9.9.9"


class Foreign:
    """An edge of ours before a registrar that is not: a scripted peer."""

    def __init__(self, transport: str = "udp") -> None:
        self.world = World()
        params = "" if transport == "udp" else f";transport={transport}"
        registrar = parse_uri(f"sip:{REGISTRAR}{params}")
        self.edge = Node(self.world, "10.0.0.2", role=Role.EDGE, keys=KEYS, registrar=registrar)
        self.world.nodes.append(self.edge)
        self.world.edge = self.edge
        self.registrar = self.edge.peer(transport, REGISTRAR)

    def path(self) -> str:
        """Register bob's phone; return the Path URI that the registrar got."""
        self.phone = self.world.phone(register=False)
        self.phone.request(
            "REGISTER",
            f"sip:{DOMAIN}",
            from_=f"<{BOB}>;tag=r",
            to=f"<{BOB}>",
            headers=[("Contact", f"<{self.phone.contact}>;reg-id=1"), ("Supported", "outbound")],
        )
        return self.register.path[0].uri_text

    @property
    def register(self) -> Request:
        return self.registrar.requests[0]

    def call(self, route: str, method: str = "INVITE", **how: Any) -> Request:
        headers = [("Route", f"<{route}>"), ("Contact", "<sip:alice@10.0.2.1>")]
        headers += [("Via", "SIP/2.0/UDP 10.0.2.1:5060;branch=z9hG4bK-alice")]
        return self.registrar.request(method, "sip:bob@10.0.1.1", headers=headers, **how)


@pytest.fixture
def foreign() -> Foreign:
    return Foreign()


class TestSection5_1:
    @pytest.mark.clause("RFC5626-5.1-1", "RFC5626-5.1-2", "RFC5626-5.1-4")
    def test_the_first_hop_adds_path_with_token_and_ob(self, foreign: Foreign) -> None:
        uri = parse_uri(foreign.path())
        assert (uri.host, uri.port) == ("10.0.0.2", 5060)
        assert uri.lr
        assert uri.has_param("ob")
        assert purpose_of(uri.user or "") is Purpose.PATH

    @pytest.mark.clause("RFC5626-5.1-1")
    @pytest.mark.parametrize("transport", ["udp", "tcp"])
    def test_path_names_the_transport_the_registrar_has(self, transport: str) -> None:
        foreign = Foreign(transport)
        uri = parse_uri(foreign.path())
        assert uri.transport == ("" if transport == "udp" else transport)

    @pytest.mark.clause("RFC5626-5.1-3", "RFC5626-5.2-1")
    def test_a_token_stands_for_one_flow(self) -> None:
        world = World(edge=True)
        phones = world.flows(count=3)
        paths = {binding.path for binding in world.core.bindings()}
        assert len(paths) == len(phones)
        world.phone("carol", phones[0].address.host, instance="<urn:carol>")
        carols = {binding.path for binding in world.core.bindings("carol")}
        assert not carols & paths

    @pytest.mark.clause("RFC5626-5.1-5")
    def test_a_later_hop_adds_no_ob(self, foreign: Foreign) -> None:
        phone = foreign.world.phone(register=False)
        phone.request(
            "REGISTER",
            f"sip:{DOMAIN}",
            headers=[("Via", "SIP/2.0/UDP 10.0.7.7;branch=z9hG4bK-inner")],
        )
        assert "ob" not in (foreign.register.get("path") or "")

    @pytest.mark.clause("RFC5626-5.1-1")
    def test_other_requests_get_no_path(self, foreign: Foreign) -> None:
        phone = foreign.world.phone(register=False)
        phone.request("MESSAGE")
        assert not foreign.register.has("path")

    @pytest.mark.clause("RFC3327-5.2-2")
    @pytest.mark.parametrize("given", [(), ("path",)])
    def test_require_path(self, foreign: Foreign, given: tuple[str, ...]) -> None:
        phone = foreign.world.phone(register=False)
        phone.request("REGISTER", f"sip:{DOMAIN}", headers=[("Require", tag) for tag in given])
        assert foreign.register.require == ("path",)

    @pytest.mark.clause("RFC3327-5.2-4")
    def test_a_path_in_the_response_is_left_as_it_is(self, foreign: Foreign) -> None:
        path = foreign.path()
        values = [f"<sip:p.example;lr>,<{path}>", "<sip:q.example;lr>;x"]
        headers = [("Path", value) for value in values]
        foreign.registrar.answer(foreign.register, 200, headers=headers)
        response = foreign.phone.responses[-1]
        assert [line for name, line in response.lines() if name == "path"] == [
            f"Path: {value}" for value in values
        ]

    def test_the_response_goes_back_over_the_flow_with_flow_timer(self, foreign: Foreign) -> None:
        foreign.path()
        foreign.registrar.answer(foreign.register, 200, headers=[("Require", "outbound")])
        response = foreign.phone.responses[-1]
        assert (response.status, response.get("flow-timer")) == (200, "120")

    def test_no_flow_timer_without_require_outbound(self, foreign: Foreign) -> None:
        foreign.path()
        foreign.registrar.answer(foreign.register, 200)
        assert not foreign.phone.responses[-1].has("flow-timer")


class TestSection5_3:
    @pytest.mark.clause("RFC5626-5.3-1", "RFC5626-5.3.1-3", "RFC5626-5.2-1")
    def test_incoming_goes_over_the_tokens_flow(self, foreign: Foreign) -> None:
        path = foreign.path()
        foreign.call(path)
        assert foreign.phone.methods == ["INVITE"]
        assert not foreign.phone.requests[0].has("route")
        assert foreign.phone.requests[0].uri_text == "sip:bob@10.0.1.1"

    @pytest.mark.clause("RFC5626-5.3-1")
    def test_outgoing_is_routed_on(self, foreign: Foreign) -> None:
        path = foreign.path()
        foreign.registrar.take()
        headers = [("Route", f"<{path}>"), ("Contact", "<sip:bob@10.0.1.1;ob>")]
        foreign.phone.invite("carol", headers=headers)
        assert foreign.phone.methods == []
        assert foreign.registrar.methods == ["INVITE"]
        assert not foreign.registrar.requests[0].has("route")

    @pytest.mark.clause("RFC5626-5.3.1-1")
    @pytest.mark.parametrize(
        "change", ["flip", "cut", "other purpose", "no token", "second spelling"]
    )
    def test_a_tampered_token(self, foreign: Foreign, change: str) -> None:
        path = foreign.path()
        user = parse_uri(path).user or ""
        changed = {
            "flip": user[:20] + ("A" if user[20] != "A" else "B") + user[21:],
            "cut": user[:-4],
            "other purpose": "R" + user[1:],
            "no token": "bob",
            "second spelling": user[:-1] + chr(ord(user[-1]) + 1),
        }[change]
        foreign.call(path.replace(user, changed))
        assert foreign.registrar.statuses == [403]
        assert foreign.phone.methods == []

    @pytest.mark.clause("RFC5626-5.3.1-2")
    def test_a_flow_that_is_gone(self, foreign: Foreign) -> None:
        path = foreign.path()
        foreign.phone.close()
        before = foreign.world.now
        foreign.call(path)
        assert foreign.registrar.statuses == [100, 430]
        assert foreign.world.now == before

    @pytest.mark.clause("RFC5626-5.3.1-2")
    def test_a_connection_on_the_same_addresses_is_another_flow(self, foreign: Foreign) -> None:
        path = foreign.path()
        foreign.phone.close()
        foreign.edge.welcome(foreign.phone)
        foreign.call(path)
        assert foreign.registrar.statuses == [100, 430]
        assert foreign.phone.methods == []

    @pytest.mark.clause("RFC5626-5.3.1-2")
    @pytest.mark.parametrize("why", ["key", "node"])
    def test_a_token_of_a_key_or_node_that_is_no_more(self, foreign: Foreign, why: str) -> None:
        foreign.path()
        assert foreign.phone.flow is not None
        keys = TokenKeys({9: bytes(KEY_LENGTH)} if why == "key" else KEYS, 9 if why == "key" else 1)
        token = Sealer(keys, "10.0.0.2" if why == "key" else "elsewhere").seal_path(
            foreign.phone.flow
        )
        foreign.call(f"sip:{token}@10.0.0.2;lr;ob")
        assert foreign.registrar.statuses == [430]

    @pytest.mark.clause("RFC5626-5.3.1-2")
    def test_an_agent_hears_480_instead(self, foreign: Foreign) -> None:
        path = foreign.path()
        foreign.phone.close()
        alice = foreign.world.caller(node=foreign.edge)
        alice.invite(headers=[("Route", f"<{path}>")])
        assert alice.statuses == [100, 480]

    @pytest.mark.clause("RFC5626-5.3.1-4")
    def test_incoming_dialogs_are_record_routed_with_the_flow(self, foreign: Foreign) -> None:
        path = foreign.path()
        foreign.registrar.take()
        foreign.call(path)
        got = foreign.phone.requests[0]
        far, near = got.record_routes
        assert purpose_of(far.uri.user or "") is Purpose.RECORD_ROUTE
        assert purpose_of(near.uri.user or "") is Purpose.DIALOG
        answer = foreign.phone.accept(got)
        dialog = Dialog.of_caller(foreign.registrar.responses[-1])
        headers = [("Route", route) for route in dialog.routes]
        foreign.registrar.request(
            "BYE", dialog.target, call_id=dialog.call_id, from_=dialog.local, to=dialog.remote,
            headers=headers,
        )  # fmt: skip
        assert foreign.phone.methods == ["INVITE", "BYE"]
        callees = Dialog.of_callee(got, answer)
        foreign.phone.within(callees, "INFO")
        assert foreign.phone.methods == ["INVITE", "BYE"]

    @pytest.mark.clause("RFC5626-5.3.2-1")
    def test_outgoing_dialogs_are_record_routed_with_the_flow(self, foreign: Foreign) -> None:
        foreign.path()
        foreign.registrar.take()
        foreign.phone.invite("carol")
        got = foreign.registrar.requests[0]
        far, near = got.record_routes
        assert purpose_of(far.uri.user or "") is Purpose.DIALOG
        assert purpose_of(near.uri.user or "") is Purpose.RECORD_ROUTE
        headers = [("Record-Route", value) for value in got.values("record-route")]
        answer = foreign.registrar.answer(
            got, 200, headers=[*headers, ("Contact", f"<sip:carol@{REGISTRAR}>")]
        )
        dialog = Dialog.of_callee(got, answer)
        foreign.registrar.request(
            "BYE", dialog.target, call_id=dialog.call_id, from_=dialog.local, to=dialog.remote,
            headers=[("Route", route) for route in dialog.routes],
        )  # fmt: skip
        assert foreign.phone.methods == ["BYE"]

    def test_a_record_route_token_holds_for_its_call_only(self, foreign: Foreign) -> None:
        path = foreign.path()
        foreign.call(path)
        token = foreign.phone.requests[0].record_routes[0].uri_text
        foreign.registrar.take()
        foreign.call(token, call_id="another-call")
        assert foreign.registrar.statuses == [403]

    def test_an_edge_never_tries_another_flow(self) -> None:
        world = World(edge=True)
        new, old = world.flows()
        path = world.core.bindings()[1].path[0]
        proxy: Peer = world.edge.peer("udp", "10.0.6.6")
        new.close()
        proxy.request(
            "INVITE", BOB,
            headers=[("Route", f"<{path}>"), ("Via", "SIP/2.0/UDP 10.1.1.1;branch=z9hG4bK-x")],
        )  # fmt: skip
        assert proxy.statuses == [100, 430]
        assert old.methods == []

    def test_a_503_of_the_phone_leaves_the_edge_as_500(self, foreign: Foreign) -> None:
        path = foreign.path()
        foreign.registrar.take()
        foreign.call(path)
        foreign.phone.answer(foreign.phone.requests[0], 503)
        assert foreign.registrar.statuses == [100, 500]

    def test_an_edge_follows_no_redirect(self, foreign: Foreign) -> None:
        path = foreign.path()
        foreign.registrar.take()
        foreign.call(path)
        foreign.phone.answer(foreign.phone.requests[0], 302, headers=[("Contact", f"<{BOB}>")])
        assert foreign.registrar.statuses == [100, 302]

    def test_an_edge_without_registrar(self) -> None:
        world = World()
        edge = Node(world, "10.0.0.2", role=Role.EDGE, keys=KEYS)
        world.nodes.append(edge)
        alice = world.caller(node=edge)
        alice.invite("sip:bob@elsewhere.example")
        assert alice.statuses == [404]


class TestSection5_4:
    @pytest.mark.clause("RFC5626-5.4-2")
    def test_ping_and_pong(self, foreign: Foreign) -> None:
        phone = foreign.world.phone(register=False)
        phone.send_raw(b"\r\n\r\n")
        assert phone.pongs == 1

    @pytest.mark.clause("RFC5626-5.4-1")
    def test_stun_on_the_sip_port(self, foreign: Foreign) -> None:
        phone = foreign.edge.peer("udp", "10.0.1.1")
        phone.send_raw(b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12))
        assert phone.raw[0][:2] == b"\x01\x01"
