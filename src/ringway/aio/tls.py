"""The two TLS contexts: ours for those who connect to us, and ours towards others.

RFC 3261 §26.3.1 asks for mutual trust between servers; RFC 5922 §7 says which name a peer's
certificate must hold: the host of the URI we looked up, never what DNS made of it.
"""

from __future__ import annotations

import ssl
from pathlib import Path

__all__ = ["client_context", "server_context"]


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """The context for connections we accept.

    Args:
        certificate: PEM file with our certificate and those that signed it.
        key: PEM file with its key, without a passphrase.

    Raises:
        OSError: A file cannot be read.
        ssl.SSLError: A file is not what it should be, or they do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key, password=_no_passphrase)
    return context


def client_context(
    authorities: Path | None = None,
    *,
    verify: bool = True,
    certificate: Path | None = None,
    key: Path | None = None,
) -> ssl.SSLContext:
    """The context for connections we make.

    Args:
        authorities: PEM file with the authorities to trust; None trusts the system's.
        verify: False takes any certificate, for a closed laboratory.
        certificate: PEM file with the certificate to show when asked for one.
        key: PEM file with its key.

    Raises:
        OSError: A file cannot be read.
        ssl.SSLError: A file is not what it should be.
    """
    context = ssl.create_default_context(
        ssl.Purpose.SERVER_AUTH, cafile=str(authorities) if authorities else None
    )
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None and key is not None:
        context.load_cert_chain(certificate, key, password=_no_passphrase)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _no_passphrase() -> str:
    """Answer OpenSSL, which would otherwise ask on the terminal and wait."""
    reason = "the key has a passphrase; store it without one"
    raise ssl.SSLError(ssl.SSLErrorNumber.SSL_ERROR_SSL, reason)
