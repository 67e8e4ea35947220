"""The redirect role: rules that answer for an address-of-record with 300, 301, 302 or 305."""

from ringway.location import RedirectRule, When
from ringway.redirect.answer import redirect_headers
from ringway.redirect.table import STATUSES, RedirectTable, make_rule

__all__ = [
    "STATUSES",
    "RedirectRule",
    "RedirectTable",
    "When",
    "make_rule",
    "redirect_headers",
]
