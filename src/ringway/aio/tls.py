"""The two TLS contexts: ours for those who connect to us, and ours towards others.

TLS 1.2 and later, forward secrecy and authenticated encryption only (RFC 9325 §4.2), and no
renegotiation. RFC 3261 §26.3.1 asks for mutual trust between servers: a client is asked for a
certificate where authorities for it are named. OpenSSL checks who signed a certificate and until
when; whose name it holds is for `ringway.aio.identities`, since RFC 5922 has rules of its own.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

__all__ = ["CertifiedKey", "client_context", "server_context", "usual_client_context"]

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2; every suite of TLS 1.3 is as good."""


@dataclass(frozen=True, slots=True)
class CertifiedKey:
    """A certificate and its key.

    Attributes:
        certificate: PEM file with the certificate, and those that signed it behind it.
        key: PEM file with its key, without a passphrase.
    """

    certificate: Path
    key: Path


def server_context(
    certified: Sequence[CertifiedKey], clients: Path | None = None, *, require: bool = False
) -> ssl.SSLContext:
    """The context for connections we accept.

    Args:
        certified: our certificates; the first is shown to who names no server, or one that none
            of them is for (RFC 6066 §3).
        clients: PEM file with the authorities whose clients we know; None asks for no certificate.
        require: whether a client without a certificate is refused.

    Raises:
        OSError: A file cannot be read.
        ssl.SSLError: A file is not what it should be, or certificate and key do not fit.
        ValueError: The names in a certificate cannot be read.
    """
    contexts = [_accepting(each, clients, require=require) for each in certified]
    first = contexts[0]
    if len(contexts) > 1:
        by_name: dict[str, ssl.SSLContext] = {}
        for each, context in zip(certified, contexts, strict=True):
            for name in _names(each.certificate):
                by_name.setdefault(name, context)

        def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            asked = (name or "").lower()
            any_of_zone = "*." + asked.partition(".")[2]  # browsers go by the rules of the web
            connection.context = by_name.get(asked) or by_name.get(any_of_zone) or first

        first.sni_callback = choose
    return first


def client_context(
    authorities: Path | None = None, *, verify: bool = True, shown: CertifiedKey | None = None
) -> ssl.SSLContext:
    """The context for connections we make; who uses it checks the name.

    Args:
        authorities: PEM file with the authorities to trust; None trusts the system's.
        verify: False takes any certificate, for a closed laboratory.
        shown: what to show when asked for a certificate.

    Raises:
        OSError: A file cannot be read.
        ssl.SSLError: A file is not what it should be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _harden(context)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    if authorities is not None:
        context.load_verify_locations(authorities)
    elif verify:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if shown is not None:
        _load(context, shown)
    return context


@cache
def usual_client_context() -> ssl.SSLContext:
    """The context that trusts the system's authorities, the same for all agents of a process.

    To read them takes 20 ms and 1 MB.
    """
    return client_context()


def _accepting(certified: CertifiedKey, clients: Path | None, *, require: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _harden(context)
    _load(context, certified)
    if clients is not None:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_REQUIRED if require else ssl.CERT_OPTIONAL
    return context


def _harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION


def _load(context: ssl.SSLContext, certified: CertifiedKey) -> None:
    context.load_cert_chain(certified.certificate, certified.key, password=_no_passphrase)


def _names(file: Path) -> list[str]:
    """The host names a certificate of ours is for, those with a wildcard as they are."""
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    try:
        others = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return [str(name.value).lower() for name in found]
    uris = others.get_values_for_type(x509.UniformResourceIdentifier)
    domains = [uri[4:] for uri in uris if uri[:4].lower() == "sip:"]
    return [name.lower() for name in (*others.get_values_for_type(x509.DNSName), *domains)]


def _no_passphrase() -> str:
    """Answer OpenSSL, which would otherwise ask on the terminal and wait."""
    reason = "the key has a passphrase; store it without one"
    raise ssl.SSLError(ssl.SSLErrorNumber.SSL_ERROR_SSL, reason)
