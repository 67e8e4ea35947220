"""The server's side of digest: says who sent a request, or how to ask for it.

What a challenge may depend on is what its reader knows anyway, such as the name of its software,
and never whom it claims to be. An unknown user is therefore checked
like a known one, against a decoy derived from a key: the same hashes are computed, the same answer
is given (RFC 7616 §5.3 and §5.7 leave that to the server).

The response is checked before the nonce. So `stale` is said to those only who have shown that they
know the password (§3.3), whatever is wrong with the nonce: too old, of the process before a
restart, its count used already, or forgotten. A phone then tries again without asking anybody.

Taken, although the RFCs could be read otherwise:

- The uri parameter has to name the place of the Request-URI, not its every letter. Phones leave out
  or add the port and parameters such as transport, so those are not compared, unless both have a
  port; a REGISTER's user part neither, because it should have none. Behind a proxy that rewrites
  the Request-URI switch `check_uri` off (RFC 8760 §2.6, item 6).
- Credentials without qop are as in RFC 2069 and refused, since nothing in them counts requests;
  `allow_without_qop` takes them, once for each nonce. Our challenges always have qop, so a client
  since RFC 2617 answers with it (RFC 8760 §2.6, item 8).
- Credentials with an empty nonce or response are an introduction, as some networks want it of
  phones before they were challenged: there are none yet (RFC 8760 §2.7).
"""

from __future__ import annotations

import enum
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from ringway.auth.algorithms import Algorithm, make_response
from ringway.auth.digest import Credentials, DigestChallenge, parse_credentials
from ringway.auth.nonce import KEY_LENGTH, Nonces, NonceState
from ringway.auth.users import User, Users
from ringway.errors import ParseError
from ringway.message import Request, Uri, parse_uri

__all__ = [
    "AuthSettings",
    "Authenticator",
    "Challenge",
    "Exempt",
    "Known",
    "Refused",
    "Verdict",
    "Why",
]


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """How to challenge and what to take.

    Attributes:
        algorithms: What is offered, the most preferred first (RFC 8760 §2.3).
        md5_only: How the User-Agent of phones begins that are offered MD5 alone, because they give
            up at a challenge with another algorithm (RFC 8760 §2.4 would have them ignore it);
            without MD5 among the algorithms it means nothing.
        nonce_life: Seconds a nonce is good for.
        nonces: How many nonces in use are remembered; about 220 bytes each.
        bind_source: Whether a nonce is good only from the address it was sent to.
        allow_without_qop: Whether to take credentials as in RFC 2069.
        check_uri: Whether the uri parameter must name the place of the Request-URI.
    """

    algorithms: tuple[Algorithm, ...] = (Algorithm.SHA_256, Algorithm.SHA_512_256, Algorithm.MD5)
    md5_only: tuple[str, ...] = ()
    nonce_life: float = 300.0
    nonces: int = 65536
    bind_source: bool = False
    allow_without_qop: bool = False
    check_uri: bool = True


class Why(enum.Enum):
    """Why a request is challenged; the value is for the log, not for the wire."""

    NO_CREDENTIALS = "no credentials"
    ALGORITHM = "an algorithm that was not offered"
    WRONG = "a wrong user or password"
    NONCE = "the right password with a nonce that is not fresh"


@dataclass(frozen=True, slots=True)
class Known:
    """The request is from this user. It says nothing of what the user may do."""

    user: User


@dataclass(frozen=True, slots=True)
class Challenge:
    """Answer with this status and these headers.

    Attributes:
        status: 407 of a proxy, 401 of everybody else.
        headers: The challenges, as (name, value), the most preferred first.
        stale: Whether the password was right, and only a new nonce is needed.
        why: For the log, and to count who guesses passwords.
        nonce_state: What was wrong with the nonce, if the password was right.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    stale: bool
    why: Why
    nonce_state: NonceState | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The credentials cannot be meant: answer with this status (RFC 7616 §3.4).

    Attributes:
        status: 400.
        why: What is wrong with them, for a person; it tells nothing of the users there are.
    """

    status: int
    why: str


@dataclass(frozen=True, slots=True)
class Exempt:
    """An ACK or CANCEL, which cannot be sent again and so is never challenged (§22.1).

    It belongs to a request that was checked; its credentials are those of that request, used.
    """


Verdict: TypeAlias = Known | Challenge | Refused | Exempt

_EXEMPT: Final = frozenset({"ACK", "CANCEL"})


class Authenticator:
    """Checks who sent requests, for the realms of one server.

    Args:
        users: The users; the attribute may be set to others at any time.
        realms: The realms; the first is that of requests that belong to no other.
        settings: What to offer and to take.
        key: ``KEY_LENGTH`` random bytes, new in each process: the memory of used nonces ends
            with the process, so a key that outlives it would let requests be replayed. Processes
            that share no memory must not share it either; to each of them the nonce of another
            is stale.

    Raises:
        ValueError: There is no realm, no algorithm, one is offered twice, or the key has
            another length.
    """

    __slots__ = ("_decoy_key", "_nonces", "_realms", "_settings", "users")

    def __init__(
        self, users: Users, realms: Sequence[str], settings: AuthSettings, key: bytes
    ) -> None:
        if not realms:
            raise ValueError("no realm")
        if not settings.algorithms or len(set(settings.algorithms)) != len(settings.algorithms):
            raise ValueError("no algorithm, or one twice")
        self.users = users
        self._realms = tuple(realms)
        self._settings = settings
        self._nonces = Nonces(key, settings.nonce_life, settings.nonces)
        self._decoy_key = hashlib.blake2s(key, digest_size=KEY_LENGTH, person=b"decoy").digest()

    @property
    def realms(self) -> tuple[str, ...]:
        """The realms; the first is that of requests that belong to no other."""
        return self._realms

    @property
    def nonces_in_use(self) -> int:
        """How many nonces are remembered."""
        return len(self._nonces)

    def realm_of(self, request: Request) -> str:
        """Return the realm that a request's sender has to be a user of.

        It is the domain that the sender claims to be in, that of the To for REGISTER and that of
        the From for others, if it is a realm; else the first realm. Raises ParseError.
        """
        address = request.to if request.method == "REGISTER" else request.from_
        host = address.uri.host.removesuffix(".")
        return host if host in self._realms else self._realms[0]

    def check(
        self,
        request: Request,
        now: float,
        *,
        proxy: bool,
        source: str = "",
        realm: str = "",
    ) -> Verdict:
        """Say who sent a request.

        Call it once for each request: the same credentials are not taken a second time.

        Args:
            request: The request.
            now: Seconds, 0 or more, of a clock that runs as long as the process.
            proxy: Whether we act as a proxy (407, Proxy-Authorization), and not as registrar,
                redirect server or user agent (401, Authorization).
            source: The address it came from, without a port.
            realm: The realm its sender must be in; `realm_of` the request without it.

        Returns:
            The user, or what to answer. What a user may do is not looked at.

        Raises:
            ParseError: The From, To or Request-URI cannot be read (400).
        """
        if request.method in _EXEMPT:
            return Exempt()
        realm = realm or self.realm_of(request)
        source = source if self._settings.bind_source else ""
        offered = self._offered(request)
        header = "proxy-authorization" if proxy else "authorization"
        try:
            credentials = self._choose(request, header, realm, source)
        except ParseError as error:
            return Refused(400, str(error))
        if credentials is None or not credentials.nonce or not credentials.response:
            return self._challenge(now, realm, source, offered, Why.NO_CREDENTIALS, proxy=proxy)
        fault = self._fault(request, credentials)
        if fault:
            return Refused(400, fault)
        algorithm = credentials.known_algorithm
        if algorithm not in self._settings.algorithms:
            return self._challenge(now, realm, source, offered, Why.ALGORITHM, proxy=proxy)
        user = self._user(request, credentials, algorithm)
        if user is None:
            return self._challenge(now, realm, source, offered, Why.WRONG, proxy=proxy)
        # Without qop the response holds no count, so what nc says proves nothing: once only.
        count = (credentials.count or 0) if credentials.qop else 0
        state = self._nonces.use(credentials.nonce, count, now, realm, source)
        if state is not NonceState.FRESH:
            return self._challenge(now, realm, source, offered, Why.NONCE, proxy=proxy, state=state)
        return Known(user)

    def _offered(self, request: Request) -> tuple[Algorithm, ...]:
        offered = self._settings.algorithms
        if Algorithm.MD5 in offered:
            agent = request.get("user-agent") or ""
            if agent.startswith(self._settings.md5_only):
                return (Algorithm.MD5,)
        return offered

    def _choose(self, request: Request, header: str, realm: str, source: str) -> Credentials | None:
        """Return the credentials that are for us: of our realm, and best with a nonce of ours.

        Others are for other servers on the way, or for one before us with the same realm (§22.3).
        """
        fault: ParseError | None = None
        ours: list[Credentials] = []
        for value in request.values(header):
            try:
                credentials = parse_credentials(value, header)
            except ParseError as error:
                fault = error
                continue
            if credentials is not None and credentials.realm == realm:
                ours.append(credentials)
        for credentials in ours:
            if self._nonces.is_ours(credentials.nonce, realm, source):
                return credentials
        if not ours and fault is not None:
            raise fault
        return ours[0] if ours else None

    def _fault(self, request: Request, credentials: Credentials) -> str:
        """Return why credentials of our realm cannot be meant, "" if they can."""
        if not credentials.username or not credentials.uri:
            return "credentials without username or uri"
        if credentials.qop:
            if credentials.qop.lower() != "auth":
                return "a qop that was not offered"
            if credentials.count is None or not credentials.cnonce:
                return "qop without a nonce count of 8 digits, or without cnonce"
        elif not self._settings.allow_without_qop:
            return "credentials without qop"
        if self._settings.check_uri and not _same_place(credentials.uri, request):
            return "credentials for another Request-URI"
        return ""

    def _user(
        self, request: Request, credentials: Credentials, algorithm: Algorithm
    ) -> User | None:
        """Return whose credentials they are, None if they are wrong; the nonce is not checked."""
        user = self.users.find(credentials.realm, credentials.username)
        decoy = self._decoy(credentials, algorithm)
        ha1 = None if user is None else user.hashes.get(algorithm)
        expected = make_response(
            algorithm,
            decoy if ha1 is None else ha1,
            method=request.method,
            uri=credentials.uri,
            nonce=credentials.nonce,
            nc=credentials.nc,
            cnonce=credentials.cnonce,
            qop=credentials.qop,
        )
        given = credentials.response.lower().encode("utf-8", "surrogateescape")
        right = hmac.compare_digest(expected.encode("ascii"), given)
        return user if right and ha1 is not None else None

    def _decoy(self, credentials: Credentials, algorithm: Algorithm) -> str:
        """Return what is compared for a user that is not there: as long as HA1, known to nobody."""
        name = f"{algorithm.value}:{credentials.username}:{credentials.realm}"
        return hashlib.blake2s(
            name.encode("utf-8", "surrogateescape"),
            key=self._decoy_key,
            digest_size=algorithm.digits // 2,
        ).hexdigest()

    def _challenge(
        self,
        now: float,
        realm: str,
        source: str,
        offered: tuple[Algorithm, ...],
        why: Why,
        *,
        proxy: bool,
        state: NonceState | None = None,
    ) -> Challenge:
        nonce = self._nonces.make(now, realm, source)
        stale = why is Why.NONCE
        name = "Proxy-Authenticate" if proxy else "WWW-Authenticate"
        headers = tuple(
            (name, str(DigestChallenge(realm, nonce, each.value, ("auth",), stale=stale)))
            for each in offered
        )
        return Challenge(407 if proxy else 401, headers, stale, why, state)


def _same_place(text: str, request: Request) -> bool:
    """Say whether the uri parameter names the place of the Request-URI."""
    if text == request.uri_text:
        return True
    try:
        theirs = parse_uri(text)
    except ParseError:
        return False
    ours = request.uri
    if not ours.is_sip:
        return ours.equals(theirs)
    if request.method == "REGISTER":
        theirs, ours = _without_user(theirs), _without_user(ours)
    if theirs.port is None or ours.port is None:
        theirs, ours = _without_port(theirs), _without_port(ours)
    return ours.without_params().without_headers().equals(theirs.without_params().without_headers())


def _without_user(uri: Uri) -> Uri:
    return replace(uri, user=None, password=None)


def _without_port(uri: Uri) -> Uri:
    return replace(uri, port=None)
