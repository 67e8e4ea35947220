from itertools import product

import pytest

from ringway.transaction import (
    INVITE_CLIENT,
    INVITE_SERVER,
    MACHINES,
    NON_INVITE_CLIENT,
    NON_INVITE_SERVER,
    Action,
    Input,
    Machine,
    State,
    Timers,
)

SENDING = {Action.START_A, Action.START_E, Action.START_G}
CLIENT_ACTIONS = {Action.SEND_ACK, Action.SEND_CANCEL, Action.CANCEL_LATER}
SERVER_ACTIONS = {Action.SEND, Action.SEND_ONCE, Action.SEND_TRYING}


def name(machine: Machine) -> str:
    return machine.name


@pytest.mark.parametrize("machine", MACHINES, ids=name)
class TestEveryMachine:
    def test_lists_every_pair(self, machine: Machine) -> None:
        assert set(machine.table) == set(product(machine.states, machine.inputs))

    def test_reaches_every_state(self, machine: Machine) -> None:
        seen = {machine.entry[0]}
        while True:
            more = {after for (state, _), (after, _) in machine.table.items() if state in seen}
            if more <= seen:
                break
            seen |= more
        assert seen == set(machine.states)

    def test_ends(self, machine: Machine) -> None:
        """From every state some timer or message leads to the end."""
        ends = {State.TERMINATED}
        for _ in machine.states:
            ends |= {state for (state, _), (after, _) in machine.table.items() if after in ends}
        assert ends == set(machine.states)

    def test_waits_only_for_timers_it_knows(self, machine: Machine) -> None:
        waits = Timers().waits(reliable=False)
        rows = [machine.entry, *machine.table.values()]
        for _, actions in rows:
            for action in actions:
                if action in waits:
                    assert waits[action][0] in machine.inputs
                elif action in SENDING:
                    assert Input[action.name.replace("START", "TIMER")] in machine.inputs

    def test_starts_each_timer_it_knows(self, machine: Machine) -> None:
        started = {
            action.name.replace("START", "TIMER")
            for _, actions in [machine.entry, *machine.table.values()]
            for action in actions
            if action.name.startswith("START")
        }
        known = {symbol.name for symbol in machine.inputs if symbol.name.startswith("TIMER")}
        assert started == known

    def test_leaves_no_timer_running_at_the_end(self, machine: Machine) -> None:
        """Where a row ends a transaction, its other timer is stopped or was not running."""
        table = machine.table
        for (state, symbol), (after, actions) in table.items():
            if after is not State.TERMINATED or state is State.TERMINATED:
                continue
            fired = symbol.name.startswith("TIMER")
            sends_again = any(
                (state, timer) in table and Action.BACK_OFF in table[state, timer][1]
                for timer in (Input.TIMER_A, Input.TIMER_E, Input.TIMER_G)
            )
            assert fired or Action.STOP_WAITING in actions
            assert not sends_again or Action.STOP_SENDING in actions

    def test_stays_ended(self, machine: Machine) -> None:
        for symbol in machine.inputs:
            after, actions = machine.table[State.TERMINATED, symbol]
            if symbol is Input.STOP:
                assert (after, actions) == (State.KEPT, (Action.START_KEPT,))
            else:
                assert (after, actions) == (State.TERMINATED, ())

    def test_tells_last(self, machine: Machine) -> None:
        """What the user does in the event finds the transaction in its new state."""
        for _, actions in [machine.entry, *machine.table.values()]:
            for action in actions[:-1]:
                assert not action.name.startswith("TELL")

    def test_keeps_to_its_side(self, machine: Machine) -> None:
        foreign = SERVER_ACTIONS if "client" in machine.name else CLIENT_ACTIONS
        for _, actions in [machine.entry, *machine.table.values()]:
            assert not foreign & set(actions)


class TestClientMachines:
    @pytest.mark.parametrize("machine", [INVITE_CLIENT, NON_INVITE_CLIENT], ids=name)
    def test_a_kept_transaction_sends_nothing_on_its_own(self, machine: Machine) -> None:
        for symbol in machine.inputs:
            if symbol.name.startswith("TIMER") or symbol is Input.TRANSPORT_ERROR:
                assert Action.RESEND not in machine.table[State.KEPT, symbol][1]

    @pytest.mark.parametrize("machine", [INVITE_CLIENT, NON_INVITE_CLIENT], ids=name)
    def test_a_closed_connection_ends_only_what_was_not_heard(self, machine: Machine) -> None:
        heard = (State.PROCEEDING, (Action.RECONNECT,))
        assert machine.table[State.PROCEEDING, Input.CLOSED] == heard
        for state in machine.states:
            if state is not State.PROCEEDING:
                error = machine.table[state, Input.TRANSPORT_ERROR]
                assert machine.table[state, Input.CLOSED] == error

    @pytest.mark.parametrize("machine", [INVITE_CLIENT, NON_INVITE_CLIENT], ids=name)
    def test_what_is_resumed_has_the_timers_of_a_new_one(self, machine: Machine) -> None:
        born, first = machine.entry
        timers = {action for action in first if action.name.startswith("START")}
        for state in machine.states:
            after, actions = machine.table[state, Input.RESUME]
            if state is State.KEPT:
                assert (after, set(actions)) == (born, {*timers, Action.RECONNECT})
            else:
                assert (after, actions) == (state, ())

    def test_only_invites_are_acknowledged_and_cancelled(self) -> None:
        for _, actions in NON_INVITE_CLIENT.table.values():
            assert not CLIENT_ACTIONS & set(actions)

    def test_no_ack_to_2xx(self) -> None:
        for state in INVITE_CLIENT.states:
            assert Action.SEND_ACK not in INVITE_CLIENT.table[state, Input.SUCCESS][1]


class TestServerMachines:
    def test_a_request_is_given_to_the_user_once(self) -> None:
        for machine in (INVITE_SERVER, NON_INVITE_SERVER):
            assert Action.TELL in machine.entry[1]
            for state in machine.states:
                assert Action.TELL not in machine.table[state, Input.REQUEST][1]

    def test_2xx_is_never_sent_again_by_the_machine(self) -> None:
        for state in (State.ACCEPTED, State.CONFIRMED):
            assert INVITE_SERVER.table[state, Input.REQUEST] == (state, ())


class TestTimers:
    def test_defaults(self) -> None:
        timers = Timers()
        assert (timers.t1, timers.t2, timers.t4) == (0.5, 4.0, 5.0)
        assert timers.timer_b == timers.transaction == 32.0

    def test_all_scale_with_t1(self) -> None:
        waits = Timers(t1=1.0).waits(reliable=False)
        for action in "BFHJLM":
            assert waits[Action[f"START_{action}"]] == (Input[f"TIMER_{action}"], 64.0)

    def test_zero_on_reliable_transports(self) -> None:
        waits = Timers().waits(reliable=True)
        zero = {action.name for action, (_, length) in waits.items() if length == 0.0}
        assert zero == {"START_D", "START_I", "START_J", "START_K"}

    def test_d_is_at_least_32_seconds(self) -> None:
        assert Timers(t1=0.1, d=1.0).waits(reliable=False)[Action.START_D][1] == 32.0
        assert Timers(d=40.0).waits(reliable=False)[Action.START_D][1] == 40.0

    def test_i_and_k_are_t4(self) -> None:
        waits = Timers(t4=6.0).waits(reliable=False)
        assert waits[Action.START_I][1] == waits[Action.START_K][1] == 6.0

    @pytest.mark.parametrize(("t1", "t2", "after"), [(0.5, 4.0, 3.5), (1.0, 4.0, 3.0), (4, 4, 0)])
    def test_trying_is_when_timer_e_reaches_t2(self, t1: float, t2: float, after: float) -> None:
        assert Timers(t1=t1, t2=t2).trying == after
