"""Digest authentication: who sent a request (RFC 3261 §22, RFC 7616, RFC 8760).

`Authenticator` is the server's side, `Answerer` the client's. Both are pure: the time, the keys and
the chance they need are given to them. Passwords are never kept, only what digest makes of them.
"""

from ringway.auth.algorithms import Algorithm, make_ha1, make_response
from ringway.auth.answer import Account, Answerer, Challenger
from ringway.auth.authenticator import (
    Authenticator,
    AuthSettings,
    Challenge,
    Exempt,
    Known,
    Refused,
    Verdict,
    Why,
)
from ringway.auth.digest import Credentials, DigestChallenge, parse_challenge, parse_credentials
from ringway.auth.nonce import Nonces, NonceState
from ringway.auth.users import User, Users, make_user, parse_users, read_user

__all__ = [
    "Account",
    "Algorithm",
    "Answerer",
    "AuthSettings",
    "Authenticator",
    "Challenge",
    "Challenger",
    "Credentials",
    "DigestChallenge",
    "Exempt",
    "Known",
    "NonceState",
    "Nonces",
    "Refused",
    "User",
    "Users",
    "Verdict",
    "Why",
    "make_ha1",
    "make_response",
    "make_user",
    "parse_challenge",
    "parse_credentials",
    "parse_users",
    "read_user",
]
