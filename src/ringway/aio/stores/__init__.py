"""Where bindings and redirect rules survive a restart: the implementations of the store."""

from ringway.aio.stores.memory import MemoryStore
from ringway.aio.stores.sqlite import SqliteStore

__all__ = ["MemoryStore", "SqliteStore"]
