"""The TLS contexts that a configuration asks for, and what is wrong with its files."""

from __future__ import annotations

import ssl

from ringway.aio.tls import client_context, server_context
from ringway.errors import ConfigError
from ringway.server.config import TlsConfig

__all__ = ["client_tls", "server_tls"]


def server_tls(tls: TlsConfig) -> ssl.SSLContext | None:
    """The context for connections we accept, None without a certificate.

    Raises:
        ConfigError: the files are not what they should be.
    """
    if tls.certificate is None or tls.key is None:
        return None
    try:
        return server_context(tls.certificate, tls.key)
    except (OSError, ssl.SSLError) as error:
        allowed = f"a PEM file with a certificate, and its key in tls.key ({_reason(error)})"
        raise ConfigError("settings", "tls.certificate", str(tls.certificate), allowed) from None


def client_tls(tls: TlsConfig) -> ssl.SSLContext:
    """The context for connections we make.

    Raises:
        ConfigError: the files are not what they should be.
    """
    try:
        return client_context(
            tls.authorities, verify=tls.verify, certificate=tls.certificate, key=tls.key
        )
    except (OSError, ssl.SSLError) as error:
        allowed = f"a PEM file with certificates ({_reason(error)})"
        raise ConfigError("settings", "tls.authorities", str(tls.authorities), allowed) from None


def _reason(error: OSError) -> str:
    return (getattr(error, "reason", "") or error.strerror or str(error)).replace("_", " ").lower()
