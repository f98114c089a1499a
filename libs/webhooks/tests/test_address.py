"""Where webhooks may go."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from libs.webhooks import AddressRefused, Reach

PRIVATE = [
    "127.0.0.1",
    "127.1.2.3",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not Reach().admits(ip_address(address))
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with pytest.raises(AddressRefused, match="not a public address"):
        Reach().socket((family, socket.SOCK_STREAM, 0, "", (address, 443)))


@pytest.mark.parametrize("address", ["1.1.1.1", "223.5.5.5", "2400:3200::1", "::ffff:1.1.1.1"])
def test_what_is_public_is_admitted(address: str) -> None:
    assert Reach().admits(ip_address(address))


def test_what_is_allowed_by_name_is_admitted_and_nothing_beside_it() -> None:
    reach = Reach.of(["127.0.0.1/32"])
    assert reach.admits(ip_address("127.0.0.1"))
    assert reach.admits(ip_address("::ffff:127.0.0.1"))
    assert not reach.admits(ip_address("127.0.0.2"))


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/hook",
        "https://localhost/hook",
        "https://[::1]/hook",
        "https://2130706433/hook",
        "https://0x7f.1/hook",
        "https://169.254.169.254/latest/meta-data",
        "http://1.1.1.1/hook",
        "https://user:password@1.1.1.1/",
        "https://1.1.1.1/#part",
        "https://1.1.1.1:0/",
        "https://1.1.1.1:99999/",
        "https://",
        "ftp://1.1.1.1/",
        "file:///etc/passwd",
        "gopher://1.1.1.1/",
        "https://1.1.1.1\\@127.0.0.1/",
        "https://1.1.1.1/ b",
        "https://[::1",
        "https://1.1.1.1/" + "a" * 500,
    ],
)
async def test_what_is_refused_at_registration(url: str) -> None:
    with pytest.raises(AddressRefused):
        await Reach().check(url)


async def test_what_is_admitted_at_registration() -> None:
    await Reach().check("https://1.1.1.1:8443/hook?partner=1")
    await Reach.of(["127.0.0.0/8"]).check("http://127.0.0.1:9000/hook")
    with pytest.raises(AddressRefused, match="https"):
        await Reach.of(["127.0.0.0/8"]).check("http://1.1.1.1/hook")
