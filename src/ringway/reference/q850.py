"""How a gateway between SIP and ISUP maps response codes and Q.850 causes (RFC 3398).

The names of the causes are those of ITU-T Q.850; they are not translated, because they
are what a trace shows.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

NAMES: Final[Mapping[int, str]] = MappingProxyType(
    {
        1: "Unallocated (unassigned) number",
        2: "No route to specified transit network",
        3: "No route to destination",
        17: "User busy",
        18: "No user responding",
        19: "No answer from user (user alerted)",
        20: "Subscriber absent",
        21: "Call rejected",
        22: "Number changed",
        23: "Redirection to new destination",
        25: "Exchange routing error",
        26: "Non-selected user clearing",
        27: "Destination out of order",
        28: "Invalid number format (address incomplete)",
        29: "Facility rejected",
        31: "Normal, unspecified",
        34: "No circuit/channel available",
        38: "Network out of order",
        41: "Temporary failure",
        42: "Switching equipment congestion",
        47: "Resource unavailable, unspecified",
        55: "Incoming calls barred within CUG",
        57: "Bearer capability not authorized",
        58: "Bearer capability not presently available",
        63: "Service or option not available, unspecified",
        65: "Bearer capability not implemented",
        70: "Only restricted digital information bearer capability is available",
        79: "Service or option not implemented, unspecified",
        87: "User not member of CUG",
        88: "Incompatible destination",
        102: "Recovery on timer expiry",
        111: "Protocol error, unspecified",
        127: "Interworking, unspecified",
    }
)

FROM_SIP: Final[Mapping[int, int]] = MappingProxyType(
    {
        400: 41,
        401: 21,
        402: 21,
        403: 21,
        404: 1,
        405: 63,
        406: 79,
        407: 21,
        408: 102,
        410: 22,
        413: 127,
        414: 127,
        415: 79,
        416: 127,
        420: 127,
        421: 127,
        423: 127,
        480: 18,
        481: 41,
        482: 25,
        483: 25,
        484: 28,
        485: 1,
        486: 17,
        500: 41,
        501: 79,
        502: 38,
        503: 41,
        504: 102,
        505: 127,
        513: 127,
        600: 17,
        603: 21,
        604: 1,
    }
)
"""The cause that a gateway releases the call with on a response (RFC 3398 §8.2.6.1)."""

TO_SIP: Final[Mapping[int, int]] = MappingProxyType(
    {
        1: 404,
        2: 404,
        3: 404,
        17: 486,
        18: 408,
        19: 480,
        20: 480,
        21: 403,
        22: 410,
        23: 410,
        26: 404,
        27: 502,
        28: 484,
        29: 501,
        31: 480,
        34: 503,
        38: 503,
        41: 503,
        42: 503,
        47: 503,
        55: 403,
        57: 403,
        58: 503,
        65: 488,
        70: 488,
        79: 501,
        87: 403,
        88: 503,
        102: 504,
        111: 500,
        127: 500,
    }
)
"""The response that a gateway sends when it gets a release with a cause (RFC 3398 §7.2.4.1).

A cause 21 that the user's side gave may become 603, and a 22 that brings the new number
along should become 301.
"""
