"""The store and the log in memory: the same contracts, for tests of domains and for the study of the protocols."""

from libs.events.memory.log import MemoryLog
from libs.events.memory.store import MemoryStore

__all__ = ["MemoryLog", "MemoryStore"]
