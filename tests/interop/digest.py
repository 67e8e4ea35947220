"""A phone's side of digest for the small agent (RFC 7616, RFC 8760); no code of Ringway's."""

import hashlib
import re
import uuid
from collections.abc import Callable

ANSWERS = {"WWW-Authenticate": "Authorization", "Proxy-Authenticate": "Proxy-Authorization"}

NAMES = {"SHA-256": "sha256", "SHA-512-256": "sha512_256", "MD5": "md5"}


class Digest:
    """Answers challenges: the first one of an algorithm that it knows."""

    def __init__(self, user: str, password: str, algorithm: str = "") -> None:
        self._user = user
        self._password = password
        self._known = [algorithm] if algorithm else ["SHA-256", "MD5"]
        self._challenges: dict[str, dict[str, str]] = {}
        self._count = 0

    def take(self, values: Callable[[str], list[str]]) -> bool:
        """Whether there is a challenge that can be answered among a response's headers."""
        for name, answer in ANSWERS.items():
            for value in values(name):
                found = re.findall(r'(\w+)=(?:"([^"]*)"|([^",\s]+))', value)
                params = {key: quoted or plain for key, quoted, plain in found}
                if params.get("algorithm", "MD5") in self._known:
                    self._challenges[answer] = params
                    self._count = 0
                    return True
        return False

    def answer(self, method: str, uri: str) -> list[str]:
        """The header for the challenge that came last, if one came."""
        name = "Authorization" if method == "REGISTER" else "Proxy-Authorization"
        params = self._challenges.get(name)
        if params is None:
            return []
        algorithm = params.get("algorithm", "MD5")

        def digest(*parts: str) -> str:
            text = ":".join(parts).encode()
            return hashlib.new(NAMES[algorithm], text).hexdigest()

        self._count += 1
        realm, nonce = params["realm"], params["nonce"]
        count, cnonce = f"{self._count:08x}", uuid.uuid4().hex
        ha1 = digest(self._user, realm, self._password)
        parts = {
            "username": f'"{self._user}"',
            "realm": f'"{realm}"',
            "nonce": f'"{nonce}"',
            "uri": f'"{uri}"',
            "response": f'"{digest(ha1, nonce, count, cnonce, "auth", digest(method, uri))}"',
            "algorithm": algorithm,
            "cnonce": f'"{cnonce}"',
            "qop": "auth",
            "nc": count,
        }
        return [f"{name}: Digest " + ", ".join(f"{key}={text}" for key, text in parts.items())]
