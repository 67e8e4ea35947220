"""The registrar: REGISTER requests in, bindings and 200s out."""

from ringway.registrar.registrar import Registrar
from ringway.registrar.settings import RegistrarSettings

__all__ = ["Registrar", "RegistrarSettings"]
