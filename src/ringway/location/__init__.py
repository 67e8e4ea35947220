"""Bindings and redirect rules: where an address-of-record can be reached, and how that is kept."""

from ringway.location.binding import NO_SYNONYMS, Binding, Key, Synonyms, aor_of, domain_of
from ringway.location.changes import (
    BindingChange,
    Change,
    Drop,
    DropRedirect,
    Persist,
    Put,
    PutRedirect,
    RedirectChange,
    durable_drops,
)
from ringway.location.location import Location, Lost
from ringway.location.rule import RedirectRule, RuleKey, When
from ringway.location.store import Store

__all__ = [
    "NO_SYNONYMS",
    "Binding",
    "BindingChange",
    "Change",
    "Drop",
    "DropRedirect",
    "Key",
    "Location",
    "Lost",
    "Persist",
    "Put",
    "PutRedirect",
    "RedirectChange",
    "RedirectRule",
    "RuleKey",
    "Store",
    "Synonyms",
    "When",
    "aor_of",
    "domain_of",
    "durable_drops",
]
