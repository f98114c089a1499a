"""Keys of persons: a store of their own, wrapped by a key-encryption key, cached for a short time."""

from libs.keys.confined import ConfinedKeyring
from libs.keys.keyring import PersonKeyring
from libs.keys.store import KeyState, KeyStore, MemoryKeyStore, PersonKey
from libs.keys.wrapping import WrappingKeys, WrappingKeysError

__all__ = [
    "ConfinedKeyring",
    "KeyState",
    "KeyStore",
    "MemoryKeyStore",
    "PersonKey",
    "PersonKeyring",
    "WrappingKeys",
    "WrappingKeysError",
]
