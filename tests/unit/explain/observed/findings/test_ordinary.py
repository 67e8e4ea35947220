"""No false alarm: ordinary traffic of many kinds, in whatever light it is captured."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.unit.explain.observed.findings import ordinary_agents as agents
from tests.unit.explain.observed.findings import ordinary_calls as calls
from tests.unit.explain.observed.findings import ordinary_ways as ways
from tests.unit.explain.observed.findings.lights import LIGHTS, ended_sooner, lit
from tests.unit.explain.observed.findings.looking import healthy, later, look
from tests.unit.explain.observed.support import Scene

from ringway.capture.items import Item
from ringway.explain.observed.finding import Severity

CALLS = (
    calls.plain,
    calls.hold,
    calls.session_timer,
    calls.reliable_provisional,
    calls.carrier_refuses,
    calls.two_phones,
    calls.both_answer,
    calls.one_after_the_other,
    calls.given_up,
    calls.transfer,
    calls.both_hang_up,
    ways.forwarded_by_the_proxy,
    ways.forwarded_by_the_caller,
    ways.followed_with_a_new_call_id,
    ways.several_contacts_in_turn,
    ways.hung_up_while_redirected,
    ways.without_the_proxy,
    ways.cancelled_too_late,
    ways.back_to_back,
    ways.challenged_by_proxy_and_server,
    ways.forwarded_as_the_exchange_writes_it,
    ways.forwarded_from_another_address,
    ways.a_call_outlives_its_connection,
    ways.the_first_branch_is_given_up,
    ways.trunk,
    agents.a_day_with_stale_nonces,
    agents.a_short_expiry_and_nonces_for_one_use,
    agents.beside_a_phone_that_stays_longer,
    agents.another_contact,
    agents.too_brief,
    agents.an_office_wakes_up,
    agents.an_office_with_stun,
    agents.a_poll_of_the_bindings,
    agents.two_phones_two_flows_each,
    agents.pings,
    agents.subscriptions,
    agents.the_next_server,
    agents.phones_are_asked,
    agents.a_word,
    agents.a_moving_port,
)
# These say too little in another light, or another thing.
SIGNS = (
    ways.through_two_interfaces,
    ways.an_exchange_tries_the_next_flow,
    agents.kept_alive,
    agents.in_a_browser,
    agents.in_a_log_of_a_server,
    agents.after_a_restart,
    agents.the_next_address,
    agents.a_long_way,
    agents.a_slow_phone,
)


def played(play: Callable[[Scene], None], transport: str = "udp") -> Scene:
    scene = Scene(transport, places=dict(calls.PLACES))
    play(scene)
    return scene


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls", "ws"])
@pytest.mark.parametrize("play", CALLS, ids=lambda each: each.__name__)
def test_ordinary(play: Callable[[Scene], None], transport: str) -> None:
    scene = played(play, transport)
    healthy(scene)
    later(scene, 300)
    healthy(scene)


@pytest.mark.parametrize("play", SIGNS, ids=lambda each: each.__name__)
def test_signs_of_life(play: Callable[[Scene], None]) -> None:
    scene = played(play)
    healthy(scene)
    later(scene, 300)
    healthy(scene)


@pytest.mark.parametrize("light", LIGHTS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("play", CALLS, ids=lambda each: each.__name__)
def test_in_another_light(
    play: Callable[[Scene], None],
    transport: str,
    light: Callable[[list[Item]], Iterator[list[Item]]],
) -> None:
    scene = played(play, transport)
    for items in light(scene.items):
        shown = lit(items)
        if light is not ended_sooner:
            later(shown, 300)
        found = [each for each in look(shown) if each.severity is not Severity.NOTE]
        assert found == []
