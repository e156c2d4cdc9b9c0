"""From how far away an address can be fetched. Plugins may use it."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from runner.api import Reach

__all__ = ["host_of", "is_base_url", "is_local", "is_public", "reach_of", "shown_url"]

_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""NAT64, RFC 6052."""
_TRANSLATED_HERE: Final = ipaddress.IPv6Network("64:ff9b:1::/48")
"""NAT64 within a network, RFC 8215: there is no saying where it leads."""
_SCHEMES: Final = ("http", "https")


def host_of(url: str) -> str:
    """The host of a URL, in lower case, without a port or a final dot; empty where there is none."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return ""


def shown_url(url: str) -> str:
    """A URL without what may be secret in it: credentials, and a signature in its query; at most 200 characters."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.partition(":")[0][:20]
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:200]


def is_base_url(url: str, *, path: bool = True) -> bool:
    """Whether a URL is one that others can be built on: http or https, a host, at the most a `path`."""
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        return False
    bare = not parts.query and not parts.fragment and "@" not in parts.netloc
    return (
        port_fits
        and bare
        and url.isprintable()
        and " " not in url
        and parts.scheme in _SCHEMES
        and bool(parts.hostname)
        and (path or not parts.path.strip("/"))
    )


def is_public(host: str) -> bool | None:
    """Whether an IP address, as text, is one of the open internet; `None` for a name, which may lead anywhere."""
    address = _address(host)
    if address is None:
        return None
    translated = isinstance(address, ipaddress.IPv6Address) and address in _TRANSLATED_HERE
    return address.is_global and not address.is_multicast and not translated


def is_local(host: str) -> bool:
    """Whether a host, by name or IP address, is this machine itself."""
    address = _address(host)
    if address is None:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def reach_of(host: str) -> Reach:
    """How public a host is. A name with a dot is taken for public: that shows when it is asked for."""
    if is_local(host):
        return Reach.LOOPBACK
    public = is_public(host)
    return Reach.PUBLIC if public or (public is None and "." in host) else Reach.NETWORK


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return _embedded(address) if isinstance(address, ipaddress.IPv6Address) else address


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 one stands for, where it does; a translator or a tunnel leads there."""
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address.sixtofour:
        return address.sixtofour
    if address in _TRANSLATED or (int(address) >> 32 == 0 and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
