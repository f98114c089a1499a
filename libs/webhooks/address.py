"""Where webhooks may go: public addresses over TLS, unless a network is allowed by name.

A partner chooses the URL, so without this a webhook could be made to call our own machines (server-side request
forgery). The rule is applied to the URL when it is registered, and to every socket when it is made: a name that
resolves to another address by then (DNS rebinding) is refused as well, since nothing is resolved between that check
and the connection.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias
from urllib.parse import SplitResult, urlsplit

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
URL_CHARS_MAX: Final = 500
NAT64: Final = ip_network("64:ff9b::/96")
"""IPv4 behind a translator (RFC 6052): the last 32 bits are where it goes."""
REFUSED: Final[Sequence[Network]] = (
    ip_network("100.64.0.0/10"),  # shared by carriers, RFC 6598; a cloud's metadata is at 100.100.100.200
    ip_network("192.88.99.0/24"),  # relays of 6to4, RFC 7526
    ip_network("64:ff9b:1::/48"),  # local translation, RFC 8215
    ip_network("fec0::/10"),  # site-local, RFC 3879
    ip_network("168.63.129.16/32"),  # a cloud's own services
)
"""What the registry that Python's `is_global` follows calls reachable or leaves out, and is not a partner's."""


class AddressRefused(OSError):
    """A place where no webhook is sent; the message says why, and may be shown to who registered it."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where webhooks may go. `allowed`: networks admitted although they are not public, also without TLS."""

    allowed: tuple[Network, ...] = ()

    @classmethod
    def of(cls, networks: Iterable[str] = ()) -> Reach:
        """Raises `ValueError` for what is no network."""
        return cls(tuple(ip_network(network) for network in networks))

    def admits(self, address: Address) -> bool:
        """Whether an address is public, seen through its IPv6 forms, or explicitly allowed."""
        address = _plain(address)
        return self._is_allowed(address) or _is_public(address)

    @lru_cache(maxsize=10_000)  # noqa: B019  # asked for every delivery; there is one reach a process
    def check_url(self, url: str) -> SplitResult:
        """The URL in parts; raises `AddressRefused` for one that is wrong whatever its name resolves to."""
        if len(url) > URL_CHARS_MAX or not url.isascii() or any(char <= " " or char == "\\" for char in url):
            raise AddressRefused(f"A URL has at most {URL_CHARS_MAX} printable ASCII characters and no backslash.")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise AddressRefused(f"This is no URL: {error}.") from None
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise AddressRefused("Name an https URL with a host.")
        if parts.scheme == "http" and not self.allowed:
            raise AddressRefused("Webhooks go over https.")
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise AddressRefused("A URL has no user, password or fragment: the signature says who sends.")
        if port == 0:
            raise AddressRefused("There is no port 0.")
        return parts

    async def check(self, url: str) -> None:
        """Raise `AddressRefused` unless every address that the URL's name has now is admitted."""
        parts = self.check_url(url)
        assert parts.hostname is not None, "checked"
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise AddressRefused("The host's name has no address.") from None
        addresses = [ip_address(str(info[4][0]).partition("%")[0]) for info in found]
        for address in addresses:
            self._refuse_unless_admitted(address)
        if parts.scheme == "http" and not all(self._is_allowed(_plain(address)) for address in addresses):
            raise AddressRefused("Webhooks go over https.")

    def socket(self, info: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        """A socket to connect to what was resolved, the last moment at which it can be refused."""
        family, kind, protocol, _, place = info
        self._refuse_unless_admitted(ip_address(str(place[0]).partition("%")[0]))
        return socket.socket(family, kind, protocol)

    def _refuse_unless_admitted(self, address: Address) -> None:
        if not self.admits(address):
            raise AddressRefused(f"{address} is not a public address; no webhook is sent there.")

    def _is_allowed(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self.allowed)


def _plain(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_public(address: Address) -> bool:
    if any(address.version == network.version and address in network for network in REFUSED):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)
