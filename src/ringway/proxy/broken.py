"""The word of an edge that the flow of a ringing phone has broken, while it waits on.

Who rings has the call, and may answer over a new connection (RFC 3261 §18.2.2). A 430 would end the
edge's branch and lose that answer; saying nothing would keep the phone's other flows from being
tried. So the edge says 199 with the 430 as its Reason (RFC 6228, RFC 3326), and only to who marked
the Route: a registrar of ours that knows other flows, and keeps the 199 to itself.
"""

from __future__ import annotations

import re
from typing import Final

from ringway.message import Response

STATUS: Final = 199

_CAUSE: Final = re.compile(r"SIP\s*;\s*cause\s*=\s*([3-6]\d\d)", re.IGNORECASE)
"""protocol *( SEMI "cause" EQUAL 1*DIGIT ) (RFC 3326 §2), as far as it is a failure of SIP."""


def reason(cause: int) -> tuple[str, str]:
    """Return the header field that names what the 199 would be as a final response."""
    return ("Reason", f"SIP;cause={cause}")


def cause_of(response: Response) -> int | None:
    """Return what a provisional says would be its final response; None if it says nothing."""
    if response.status != STATUS:
        return None
    found = _CAUSE.match(response.get("reason") or "")
    return int(found[1]) if found else None
