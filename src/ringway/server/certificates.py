"""The TLS contexts that a configuration asks for, and what is wrong with its files."""

from __future__ import annotations

import ssl

from ringway.aio.tls import CertifiedKey, client_context, server_context
from ringway.errors import ConfigError
from ringway.server.config.sections import TlsConfig

__all__ = ["Certificates", "client_tls", "server_tls"]


class Certificates:
    """The contexts in use, which can be read anew while connections stand.

    Args:
        tls: which files.

    Raises:
        ConfigError: the files are not what they should be.
    """

    def __init__(self, tls: TlsConfig) -> None:
        self._accepting = server_tls(tls)
        self.towards_others = client_tls(tls)
        """For connections we make."""

    def read(self, tls: TlsConfig) -> None:
        """Read the files again, for the connections that come from now on.

        Raises:
            ConfigError: they are not what they should be; what was read before stays in use.
        """
        self._accepting, self.towards_others = server_tls(tls), client_tls(tls)

    def accepting(self) -> ssl.SSLContext:
        """The context for the next connection that somebody makes to us.

        Raises:
            LookupError: there is no certificate.
        """
        if self._accepting is None:
            raise LookupError("no certificate")
        return self._accepting


def server_tls(tls: TlsConfig) -> ssl.SSLContext | None:
    """The context for connections we accept, None without a certificate.

    Raises:
        ConfigError: the files are not what they should be.
    """
    certified = _certified(tls)
    for each in certified:
        try:
            server_context([each])
        except (OSError, ValueError) as error:
            allowed = f"a PEM file with a certificate, and its key in tls.key ({_reason(error)})"
            shown = str(each.certificate)
            raise ConfigError("settings", "tls.certificate", shown, allowed) from None
    try:
        return server_context(certified, tls.clients, require=tls.require) if certified else None
    except (OSError, ValueError) as error:
        allowed = f"a PEM file with certificates ({_reason(error)})"
        raise ConfigError("settings", "tls.clients", str(tls.clients), allowed) from None


def client_tls(tls: TlsConfig) -> ssl.SSLContext:
    """The context for connections we make, which shows our first certificate when asked.

    Raises:
        ConfigError: the files are not what they should be.
    """
    shown = next(iter(_certified(tls)), None)
    try:
        return client_context(tls.authorities, verify=tls.verify, shown=shown)
    except OSError as error:
        allowed = f"a PEM file with certificates ({_reason(error)})"
        raise ConfigError("settings", "tls.authorities", str(tls.authorities), allowed) from None


def _certified(tls: TlsConfig) -> list[CertifiedKey]:
    return [CertifiedKey(*pair) for pair in zip(tls.certificate, tls.key, strict=True)]


def _reason(error: Exception) -> str:
    text = getattr(error, "reason", "") or getattr(error, "strerror", "") or str(error)
    return str(text).replace("_", " ").lower()
