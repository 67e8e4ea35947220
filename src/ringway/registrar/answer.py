"""The 200 to a REGISTER: what is bound now, and what the phone must know to keep it so.

RFC 3261 §10.3 step 8, RFC 3327 §5.3 for Path, RFC 5626 §6 for Require and Flow-Timer.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil
from typing import Final

from ringway.location import Binding
from ringway.registrar.request import Registration
from ringway.registrar.settings import RegistrarSettings

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def success_headers(
    registration: Registration,
    bindings: tuple[Binding, ...],
    settings: RegistrarSettings,
    now: float,
) -> tuple[tuple[str, str], ...]:
    """The header fields of the 200, as (name, value).

    Args:
        registration: what was asked for.
        bindings: what is bound now.
        settings: for the Flow-Timer.
        now: seconds on the core's clock.
    """
    headers = [("Contact", contact_value(each, now)) for each in bindings]
    headers += [("Path", value) for value in registration.request.values("path")]
    if registration.outbound and registration.supports_outbound:
        headers.append(("Require", "outbound"))
        if registration.direct and settings.flow_timer is not None:
            headers.append(("Flow-Timer", str(settings.flow_timer)))
    headers += [("Supported", "outbound, path"), ("Date", date_value(now))]
    return tuple(headers)


def contact_value(binding: Binding, now: float) -> str:
    """A binding as a Contact value, with the seconds it has left."""
    parts = [f"<{binding.contact}>;expires={ceil(binding.expires_at - now)}"]
    if binding.q != 1.0:
        parts.append(f";q={binding.q:.3g}")
    if binding.instance:
        parts.append(f';+sip.instance="{binding.instance}"')
    if binding.reg_id:
        parts.append(f";reg-id={binding.reg_id}")
    return "".join(parts) + binding.params


def date_value(now: float) -> str:
    """A time as a Date value (RFC 3261 §20.17), in English whatever the locale."""
    at = datetime.fromtimestamp(now, UTC)
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} {at:%H:%M:%S} GMT"
    )
