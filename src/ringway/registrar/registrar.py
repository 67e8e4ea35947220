"""The registrar: turns REGISTER requests into bindings (RFC 3261 §10.3, RFC 3327, RFC 5626 §6).

A change that outlives this process is on disk before anybody sees it or the phone is told, so a 200
is never a lie and a failed commit leaves nothing to undo. While one address-of-record waits for the
disk, later REGISTERs for it wait behind: they are processed in the order they came (§10.3).
"""

from __future__ import annotations

from collections import deque
from functools import partial
from math import ceil

from ringway.codes import own_answer
from ringway.endpoint import Decision, Endpoint, Kind, RequestReceived
from ringway.endpoint.counters import count_over
from ringway.errors import ParseError, StoreError
from ringway.location import Binding, Location, Persist, Put, aor_of
from ringway.message import Warning399
from ringway.registrar.answer import success_headers
from ringway.registrar.plan import Plan, plan_changes
from ringway.registrar.refusal import RefusalError, TooManyContactsError
from ringway.registrar.request import Registration, read_registration
from ringway.registrar.settings import RegistrarSettings


class Registrar:
    """Answers REGISTER requests and keeps the location service up to date.

    Args:
        endpoint: what answers and commands go out through.
        location: the bindings; the registrar is the one that adds to them.
        settings: what is allowed here.
    """

    __slots__ = ("_endpoint", "_location", "_settings", "_waiting")

    def __init__(self, endpoint: Endpoint, location: Location, settings: RegistrarSettings) -> None:
        self._endpoint = endpoint
        self._location = location
        self._settings = settings
        # An address-of-record is a key while the store works on it; behind it, who waits.
        self._waiting: dict[str, deque[tuple[RequestReceived, Registration]]] = {}

    def configure(self, settings: RegistrarSettings) -> None:
        """Take other settings for what comes from now on."""
        self._settings = settings

    def handle_register(self, event: RequestReceived, now: float) -> None:
        """Process a REGISTER and answer it, at once or when the store has kept the change.

        Emits `Persist` when the change has to be kept; the answer goes out from its `done`.

        Args:
            event: the REGISTER.
            now: seconds on the core's clock.
        """
        try:
            registration = read_registration(event.request, event.flow, self._settings)
        except RefusalError as error:
            self._refuse(event, error, now)
            return
        except ParseError as wrong:
            status = wrong.status or 400
            self._refuse(event, RefusalError(status, str(wrong), *wrong.headers), now)
            return
        waiting = self._waiting.get(registration.aor)
        if waiting is None:
            self._process(event, registration, now)
        elif len(waiting) < self._settings.max_waiting:
            waiting.append((event, registration))
        else:
            full = RefusalError(503, "too many REGISTERs wait for the store", ("Retry-After", "5"))
            self._refuse(event, full, now)

    def _process(self, event: RequestReceived, registration: Registration, now: float) -> None:
        try:
            plan = plan_changes(registration, self._location, self._settings, now)
            self._check_flow(registration, plan)
        except RefusalError as error:
            self._refuse(event, error, now)
            return
        if plan.on_disk:
            self._waiting[registration.aor] = deque()
            done = partial(self._persisted, event, registration, plan)
            self._endpoint.emit(Persist(plan.on_disk, done))
        else:
            self._commit(event, registration, plan, now)

    def _check_flow(self, registration: Registration, plan: Plan) -> None:
        """Refuse to bind a connection that closed while its REGISTER waited."""
        if any(isinstance(change, Put) and change.binding.flow for change in plan.changes):
            flow = registration.flow
            if not self._endpoint.is_live(flow):
                raise RefusalError(500, f"{flow} closed before the REGISTER was processed")

    def _persisted(
        self,
        event: RequestReceived,
        registration: Registration,
        plan: Plan,
        error: StoreError | None,
        now: float,
    ) -> None:
        waiting = self._waiting.pop(registration.aor)
        if error is None:
            self._commit(event, registration, plan, now)
        else:
            failed = RefusalError(500, "the location store failed", ("Retry-After", "30"))
            self._refuse(event, failed, now, detail=f": {error.reason}")
        while waiting and registration.aor not in self._waiting:
            self._process(*waiting.popleft(), now)
        if waiting:
            self._waiting[registration.aor].extend(waiting)

    def _commit(
        self, event: RequestReceived, registration: Registration, plan: Plan, now: float
    ) -> None:
        self._location.apply(plan.changes, now)
        bindings = self._location.bindings(registration.aor, now)
        for change in plan.changes:
            if isinstance(change, Put):
                self._note(event, Kind.BOUND, 200, _bound_text(change.binding, now), now)
            elif change.reason:
                self._note(event, Kind.UNBOUND, 200, _unbound_text(change.binding), now)
        headers = success_headers(registration, bindings, self._settings, now)
        self._endpoint.reply(event.transaction, 200, now, headers=headers)

    def _refuse(
        self, event: RequestReceived, error: RefusalError, now: float, *, detail: str = ""
    ) -> None:
        """Answer with the refusal; the detail is for the story only, not for the phone."""
        if isinstance(error, TooManyContactsError):
            count_over(self._endpoint.counters.over, "max_contacts")
        self._note(event, Kind.REFUSED, error.status, error.reason + detail, now)
        warning = str(Warning399(399, self._settings.agent, error.reason))
        headers = (*error.headers, ("Warning", warning))
        self._endpoint.reply(event.transaction, error.status, now, headers=headers)

    def _note(self, event: RequestReceived, kind: Kind, status: int, text: str, now: float) -> None:
        if not self._endpoint.noting:
            return
        request = event.request
        self._endpoint.note(
            Decision(
                at=now,
                kind=kind,
                text=text,
                call_id=request.call_id,
                method=request.method,
                status=status,
                flow=event.flow,
                why=own_answer(status) if kind is Kind.REFUSED else "",
                aor=aor_of(request.to.uri, self._settings.synonyms),
            )
        )


def _bound_text(binding: Binding, now: float) -> str:
    name = f" reg-id {binding.reg_id}" if binding.outbound else ""
    if binding.flow is not None:
        way = f"over {binding.flow}"
    elif binding.path:
        way = f"by {binding.path[0]}"
    else:
        way = "by its Contact"
    seconds = ceil(binding.expires_at - now)
    return f"{binding.aor} is at {binding.contact}{name} {way} for {seconds} s"


def _unbound_text(binding: Binding) -> str:
    return f"{binding.aor} is no longer at {binding.contact}"
