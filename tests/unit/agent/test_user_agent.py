"""The user agent as an application uses it: real sockets, a real server in the same process."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Coroutine
from pathlib import Path

import pytest
from tests.unit.agent.support import next_of, place, plain_registrar, run, taken

from ringway import FailedError, RedirectPolicy, UserAgent
from ringway.agent.network import bind
from ringway.aio.tls import usual_client_context
from ringway.auth import Algorithm, make_ha1
from ringway.endpoint import Decision
from ringway.ua.events import (
    Answered,
    Changed,
    Ended,
    Failed,
    FlowLost,
    InfoReceived,
    MessageReceived,
    NotChanged,
    Offered,
    Redirected,
    Registered,
    RegistrationFailed,
    Ringing,
    TransferAsked,
    TransferProgress,
    Unregistered,
)

OFFER = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
HOLD = OFFER.replace(b"- 1 1", b"- 1 2") + b"a=inactive\r\n"
VIDEO = OFFER.replace(b"- 1 1", b"- 1 3") + b"m=video 9 RTP/AVP 96\r\n"
ANSWER = OFFER.replace(b"- 1 1", b"- 2 1")
HA1 = make_ha1(Algorithm.SHA_256, "alice", "example.com", "wonderland")
USERS = [{"name": "alice", "sha_256": HA1}]


class TestRegistering:
    def test_entering_registers_and_leaving_takes_it_back(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with place(tmp_path) as here:
                events: list[object] = []
                async with here.agent("alice", on_event=events.append) as alice:
                    assert [slot.registered for slot in alice.slots] == [True]
                    assert alice.host == "127.0.0.1"
                kinds = [type(event) for event in events]
                assert kinds == [Registered, Unregistered]

        run(main())

    def test_two_flows(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with (
                place(tmp_path) as here,
                here.agent("alice", outbound=[here.edge(), here.edge("udp")]) as alice,
            ):
                await alice.tried()
                assert [slot.registered for slot in alice.slots] == [True, True]

        run(main())

    def test_without_outbound_proxies(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with place(tmp_path) as here, here.agent("alice", outbound=[]) as alice:
                event = await anext(aiter(alice.events()))
                assert isinstance(event, Registered)

        run(main())

    def test_one_flow_is_all_that_a_registrar_without_outbound_takes(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with plain_registrar() as one, plain_registrar() as other:
                alice = UserAgent(
                    "sip:alice@example.com", outbound=[one, other], state_dir=tmp_path
                )
                async with alice:
                    await alice.tried()
                    flows = [(slot.registered, slot.standing_by) for slot in alice.slots]
                    assert sorted(flows) == [(False, True), (True, False)]

        run(main())

    def test_an_agent_that_only_calls(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with (
                place(tmp_path) as here,
                here.agent("bob", outbound=[], register=False) as bob,
            ):
                assert bob.slots == ()
                assert (await bob.options(here.uri())).status == 200

        run(main())

    def test_the_instance_is_kept(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with place(tmp_path) as here:
                seen: list[str] = []
                for _ in range(2):
                    async with here.agent("alice", state_dir=tmp_path / "one") as alice:
                        seen.append(alice.slots[0].contact())
                        (binding,) = here.server.bindings()
                        seen.append(binding.instance)
                assert seen[1] == seen[3]

        run(main())

    @pytest.mark.parametrize("password", ["looking-glass", None])
    def test_a_wrong_password_is_an_error(self, tmp_path: Path, password: str | None) -> None:
        async def main() -> None:
            async with place(tmp_path, domains=["example.com"], user=USERS) as here:
                agent = here.agent("", aor="sip:alice@example.com", password=password)
                with pytest.raises(FailedError) as failed:
                    await agent.__aenter__()
                assert failed.value.failure.status == 401
                async with here.agent(
                    "", aor="sip:alice@example.com", password="wonderland"
                ) as alice:
                    assert alice.slots[0].registered

        run(main())

    def test_nobody_is_there(self, tmp_path: Path) -> None:
        async def main() -> None:
            sockets = bind("127.0.0.1", 0)
            port = sockets.stream.getsockname()[1]
            sockets.close()
            events: list[object] = []
            agent = UserAgent(
                f"sip:alice@127.0.0.1:{port}",
                outbound=[f"sip:127.0.0.1:{port};transport=tcp"],
                state_dir=tmp_path,
                on_event=events.append,
            )
            async with agent:
                with pytest.raises(FailedError):
                    await agent.message(f"sip:bob@127.0.0.1:{port}", "hello")
            (failed,) = events
            assert isinstance(failed, RegistrationFailed)
            assert failed.retry_in is not None
            assert 15 <= failed.retry_in <= 60

        run(main())

    def test_addresses_that_are_none(self) -> None:
        for aor in ("", "alice", "tel:+1", "sip:example.com", "sip:a b@example.com"):
            with pytest.raises(ValueError, match=r"alice@example\.com"):
                UserAgent(aor)
        with pytest.raises(ValueError, match="an outbound proxy"):
            UserAgent("sip:alice@example.com", outbound=["sip:"])
        with pytest.raises(ValueError, match="at most 4"):
            UserAgent("sip:alice@example.com", outbound=[f"sip:{n}.example" for n in range(5)])
        with pytest.raises(ValueError, match="twice"):
            UserAgent("sip:alice@example.com", outbound=["sip:a.example", "a.example"])


class TestCalling:
    def test_a_call_from_ring_to_hang_up(self, tmp_path: Path) -> None:
        async def callee(alice: UserAgent) -> None:
            call = await taken(alice)
            assert call.offer == OFFER
            call.ring()
            assert call.answer(ANSWER)
            assert await next_of(call, Ended) == Ended(False, "the far end hung up")
            assert not call.answer(ANSWER)

        async def main() -> None:
            async with (
                place(tmp_path) as here,
                here.agent("alice") as alice,
                here.agent("bob") as bob,
                asyncio.TaskGroup() as tasks,
            ):
                tasks.create_task(callee(alice))
                async with bob.call(here.uri("alice"), offer=OFFER) as call:
                    seen = [await anext(call), await anext(call)]
                    assert [type(each) for each in seen] == [Ringing, Answered]
                    answered = await call.answered()
                    assert answered.body == ANSWER
                assert call.over
                assert await next_of(call, Ended) == Ended(True)

        run(main())

    def test_the_callee_hangs_up(self, tmp_path: Path) -> None:
        async def callee(alice: UserAgent) -> None:
            async with await taken(alice) as call:
                call.answer(ANSWER)
                await call.answered()

        async def main() -> None:
            async with (
                place(tmp_path) as here,
                here.agent("alice") as alice,
                here.agent("bob") as bob,
                asyncio.TaskGroup() as tasks,
            ):
                tasks.create_task(callee(alice))
                async with bob.call(here.uri("alice"), offer=OFFER) as call:
                    assert (await next_of(call, Ended)).by_us is False

        run(main())

    @pytest.mark.parametrize("status", [486, 603])
    def test_rejected(self, tmp_path: Path, status: int) -> None:
        async def callee(alice: UserAgent) -> None:
            (await taken(alice)).reject(status)

        async def main() -> None:
            async with (
                place(tmp_path) as here,
                here.agent("alice") as alice,
                here.agent("bob") as bob,
                asyncio.TaskGroup() as tasks,
            ):
                tasks.create_task(callee(alice))
                async with bob.call(here.uri("alice"), offer=OFFER) as call:
                    with pytest.raises(FailedError) as failed:
                        await call.answered()
                    assert failed.value.failure.status == status
                    assert str(status) in str(failed.value)

        run(main())

    def test_given_up_while_it_rings(self, tmp_path: Path) -> None:
        async def callee(alice: UserAgent) -> None:
            call = await taken(alice)
            call.ring()
            assert (await next_of(call, Ended)).by_us is False

        async def main() -> None:
            async with (
                place(tmp_path) as here,
                here.agent("alice") as alice,
                here.agent("bob") as bob,
                asyncio.TaskGroup() as tasks,
            ):
                tasks.create_task(callee(alice))
                async with bob.call(here.uri("alice"), offer=OFFER) as call:
                    await next_of(call, Ringing)
                assert call.over

        run(main())

    def test_who_takes_no_calls_is_not_available(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with (
                place(tmp_path) as here,
                here.agent("alice"),
                here.agent("bob") as bob,
            ):
                async with bob.call(here.uri("alice"), offer=OFFER) as call:
                    assert (await next_of(call, Failed)).failure.status == 480
                with pytest.raises(FailedError):
                    await bob.message(here.uri("alice"), "hello")

        run(main())

    def test_a_call_that_has_not_begun(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with place(tmp_path) as here, here.agent("bob") as bob:
                call = bob.call(here.uri("alice"))
                with pytest.raises(RuntimeError, match="async with"):
                    call.change(OFFER)
                await call.hang_up()
                with pytest.raises(ValueError, match="whom to call"):
                    bob.call("tel:+123")

        run(main())

    def test_leaving_waits_for_the_answer_to_bye(self, tmp_path: Path) -> None:
        """Or nobody sends the BYE again when it is lost."""

        async def callee(alice: UserAgent) -> None:
            call = await taken(alice)
            call.answer(ANSWER)
            await next_of(call, Ended)

        async def main() -> None:
            async with (
                place(tmp_path) as here,
                here.agent("alice") as alice,
                asyncio.TaskGroup() as tasks,
            ):
                tasks.create_task(callee(alice))
                async with here.agent("bob") as bob:
                    async with bob.call(here.uri("alice"), offer=OFFER) as call:
                        await call.answered()
                    leaving = bob._agent.farewells
                    assert leaving._open == 1
                assert leaving._open == 0

        run(main())

    def test_leaving_the_agent_ends_its_calls(self, tmp_path: Path) -> None:
        async def callee(alice: UserAgent) -> None:
            call = await taken(alice)
            call.answer(ANSWER)
            await next_of(call, Ended)

        async def main() -> None:
            async with (
                place(tmp_path) as here,
                here.agent("alice") as alice,
                asyncio.TaskGroup() as tasks,
            ):
                tasks.create_task(callee(alice))
                async with here.agent("bob") as bob:
                    call = await bob.call(here.uri("alice"), offer=OFFER).__aenter__()
                    await call.answered()
                assert call.over

        run(main())


class TestWithinACall:
    def test_what_is_said_and_changed(self, tmp_path: Path) -> None:
        async def callee(alice: UserAgent) -> None:
            call = await taken(alice)
            call.answer(ANSWER)
            info = await next_of(call, InfoReceived)
            assert info.request.body == b"5"
            message = await next_of(call, MessageReceived)
            assert message.request.body == "grüß dich".encode()
            offered = await next_of(call, Offered)
            assert offered.body == HOLD
            assert call.accept(ANSWER)
            assert not call.accept(ANSWER)
            assert (await next_of(call, Offered)).method == "UPDATE"
            assert call.refuse()
            await next_of(call, Ended)

        async def main() -> None:
            async with (
                place(tmp_path) as here,
                here.agent("alice") as alice,
                here.agent("bob") as bob,
                asyncio.TaskGroup() as tasks,
            ):
                tasks.create_task(callee(alice))
                async with bob.call(here.uri("alice"), offer=OFFER) as call:
                    await call.answered()
                    assert call.info(b"5", "application/dtmf")
                    assert call.message("grüß dich")
                    assert call.change(HOLD)
                    changed = await next_of(call, Changed)
                    assert (changed.body, changed.content_type) == (ANSWER, "application/sdp")
                    assert call.change(VIDEO, method="UPDATE")
                    assert (await next_of(call, NotChanged)).failure.status == 488

        run(main())

    def test_a_transfer(self, tmp_path: Path) -> None:
        """Bob has Alice call Carol; he hears how it goes."""

        async def answer(agent: UserAgent) -> None:
            call = await taken(agent)
            call.answer(ANSWER)
            await next_of(call, Ended)

        async def callee(alice: UserAgent) -> None:
            call = await taken(alice)
            call.answer(ANSWER)
            asked = await next_of(call, TransferAsked)
            assert asked.refer_to.user == "carol"
            new = call.accept_transfer(OFFER)
            assert new is not None
            async with new:
                await new.answered()
                await next_of(call, Ended)
            assert call.accept_transfer() is None

        async def main() -> None:
            async with (
                place(tmp_path) as here,
                here.agent("alice") as alice,
                here.agent("bob") as bob,
                here.agent("carol") as carol,
                asyncio.TaskGroup() as tasks,
            ):
                tasks.create_task(callee(alice))
                tasks.create_task(answer(carol))
                async with bob.call(here.uri("alice"), offer=OFFER) as call:
                    await call.answered()
                    assert call.refer(here.uri("carol"))
                    while not (await next_of(call, TransferProgress)).final:
                        pass

        run(main())


class TestRedirects:
    def callee(self, here_uri: str, alice: UserAgent) -> Coroutine[None, None, None]:
        async def redirect() -> None:
            (await taken(alice)).redirect(here_uri)

        return redirect()

    def test_followed(self, tmp_path: Path) -> None:
        async def carol_answers(carol: UserAgent) -> None:
            call = await taken(carol)
            call.answer(ANSWER)
            await next_of(call, Ended)

        async def main() -> None:
            async with (
                place(tmp_path) as here,
                here.agent("alice") as alice,
                here.agent("bob") as bob,
                here.agent("carol") as carol,
                asyncio.TaskGroup() as tasks,
            ):
                tasks.create_task(self.callee(here.uri("carol"), alice))
                tasks.create_task(carol_answers(carol))
                async with bob.call(here.uri("alice"), offer=OFFER) as call:
                    redirected = await next_of(call, Redirected)
                    assert str(redirected.target) == here.uri("carol")
                    assert str(redirected.original) == here.uri("alice")
                    await call.answered()

        run(main())

    @pytest.mark.parametrize("how", ["per call", "per agent"])
    def test_left_to_the_application(self, tmp_path: Path, how: str) -> None:
        async def main() -> None:
            policy = RedirectPolicy(follow=how != "per agent")
            async with (
                place(tmp_path) as here,
                here.agent("alice") as alice,
                here.agent("bob", redirects=policy) as bob,
                asyncio.TaskGroup() as tasks,
            ):
                tasks.create_task(self.callee("sip:carol@hotel.example", alice))
                follow = False if how == "per call" else None
                async with bob.call(here.uri("alice"), offer=OFFER, follow=follow) as call:
                    failure = (await next_of(call, Failed)).failure
                    assert failure.status == 302
                    assert [str(each.uri) for each in failure.contacts] == [
                        "sip:carol@hotel.example"
                    ]

        run(main())


class TestRequests:
    def test_a_message(self, tmp_path: Path) -> None:
        async def reader(alice: UserAgent) -> None:
            request = await anext(aiter(alice.requests()))
            assert request.text == "hello"
            assert request.sender.startswith("sip:bob@")
            request.answer(headers=[("Subject", "got it")])
            request.answer(500)

        async def main() -> None:
            async with (
                place(tmp_path) as here,
                here.agent("alice") as alice,
                here.agent("bob") as bob,
                asyncio.TaskGroup() as tasks,
            ):
                tasks.create_task(reader(alice))
                await asyncio.sleep(0)
                reply = await bob.message(here.uri("alice"), "hello")
                assert (reply.status, reply.phrase) == (200, "OK")
                assert reply.response.get("subject") == "got it"
                assert 0 < reply.seconds < 5
                assert reply.flow.transport == "tcp"

        run(main())

    def test_options(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with (
                place(tmp_path) as here,
                here.agent("alice"),
                here.agent("bob") as bob,
            ):
                reply = await bob.options(here.uri("alice"))
                assert "INVITE" in (reply.response.get("allow") or "")

        run(main())

    def test_any_other(self, tmp_path: Path) -> None:
        async def main() -> None:
            decisions: list[Decision] = []
            async with (
                place(tmp_path) as here,
                here.agent("bob", on_decision=decisions.append) as bob,
            ):
                with pytest.raises(FailedError) as failed:
                    await bob.request("PUBLISH", here.uri("nobody"), headers={"Event": "x"})
                assert failed.value.failure.status == 480
            assert any(each.method == "PUBLISH" for each in decisions)

        run(main())


class TestFlows:
    def test_a_lost_flow_is_told_and_made_anew(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with place(tmp_path) as here, here.agent("alice") as alice:
                events = alice.events()
                assert isinstance(await anext(events), Registered)
                (binding,) = here.server.bindings()
                flow = binding.flow
                assert flow is not None
                alice.network_changed()
                while not isinstance(event := await anext(events), Registered):
                    assert isinstance(event, FlowLost)
                assert event.flow != flow

        run(main())


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    async def main(port: int) -> None:
        async with UserAgent("sip:a@127.0.0.1", register=False, port=port, state_dir=tmp_path):
            raise AssertionError

    with socket.create_server(("127.0.0.1", 0)) as sock, pytest.raises(OSError, match="in use"):
        run(main(sock.getsockname()[1]))


def test_the_system_s_authorities_are_read_once_for_all_agents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda *_: read.append(1))
    usual_client_context.cache_clear()

    async def main() -> None:
        for name in ("alice", "bob"):
            async with UserAgent(f"sip:{name}@127.0.0.1", register=False, state_dir=tmp_path):
                pass

    run(main())
    assert len(read) == 1
    usual_client_context.cache_clear()
