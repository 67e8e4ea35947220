"""What the tests of the shell share: an event loop of each kind, certificates, waiting."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ringway.aio.tls import CertifiedKey

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds until a test that waits for an event has failed."""

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "uvloop": uvloop.new_event_loop,
    "asyncio": asyncio.new_event_loop,
}


def run(main: Coroutine[Any, Any, T], loop: str = "uvloop") -> T:
    """Run a test's coroutine; a test that hangs fails instead."""

    async def impatient() -> T:
        async with asyncio.timeout(PATIENCE):
            return await main

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(impatient())


class Inbox:
    """Keeps what callbacks are called with, and lets a test wait for it."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._changed = asyncio.Event()

    def __call__(self, *items: Any) -> None:
        self.items.append(items)
        self._changed.set()

    async def get(self, count: int = 1) -> list[Any]:
        """Wait until so many have come."""
        while len(self.items) < count:
            self._changed.clear()
            await self._changed.wait()
        return self.items


class Certificate:
    """A certificate in files, signed by itself or by another, and the context that trusts it.

    Args:
        folder: where the files go.
        names: the alternative names; without any it has only the common name.
        passphrase: of the key.
        stem: begins the names of the files, for several in one folder.
        issuer: who signs it.
        common: the common name; the first name without it.
        days: for how long it is valid; less than none has expired.
    """

    def __init__(
        self,
        folder: Path,
        names: tuple[str, ...] = ("localhost", "127.0.0.1"),
        passphrase: bytes = b"",
        *,
        stem: str = "",
        issuer: "Certificate | None" = None,
        common: str = "",
        days: float = 1,
    ) -> None:
        key = self._private = ec.generate_private_key(ec.SECP256R1())
        common = common or names[0]
        subject = self._subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
        signer = issuer or self
        today = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(signer._subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(today - dt.timedelta(days=10))
            .not_valid_after(today + dt.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), True)
        )
        if names:
            others = x509.SubjectAlternativeName([_name(name) for name in names])
            builder = builder.add_extension(others, False)
        certificate = builder.sign(signer._private, hashes.SHA256())
        self.file = folder / f"{stem}certificate.pem"
        self.key = folder / f"{stem}key.pem"
        self.certified = CertifiedKey(self.file, self.key)
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(passphrase)
                if passphrase
                else serialization.NoEncryption(),
            )
        )

    def trusting(self, shown: "Certificate | None" = None) -> ssl.SSLContext:
        """A client's context that trusts this certificate and no other."""
        context = ssl.create_default_context(cafile=str(self.file))
        if shown is not None:
            context.load_cert_chain(shown.file, shown.key)
        return context


def _name(name: str) -> x509.GeneralName:
    if ":" in name and "." in name:
        return x509.UniformResourceIdentifier(name)
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
