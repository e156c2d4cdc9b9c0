"""An image host inside the run: a web server on this machine that knows just the pictures of this run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.api import Context, Reach, UploaderCapabilities, UploaderSpec, hookimpl

if TYPE_CHECKING:
    from .server import LocalHttp

runner_api_version = 1


@dataclass(frozen=True, slots=True)
class LocalHttpOptions:
    """Where to listen, and under which address others reach it.

    bind             the address to listen on; 127.0.0.1 is this machine only
    port             0 takes any free port
    public_base_url  how a tunnel or proxy that leads here is called from outside: https://...

    Raises `ValueError` for what cannot be.
    """

    bind: str = "127.0.0.1"
    port: int = 0
    public_base_url: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError("port should be 0 to 65535")
        if not self.bind:
            raise ValueError("bind should be an address of this machine, such as 127.0.0.1")
        if self.public_base_url and not _is_base(self.public_base_url):
            raise ValueError("public_base_url should be https://NAME (or http://), with a path at the most")


def _is_base(url: str) -> bool:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        return False
    whole = url.isprintable() and " " not in url and not parts.query and not parts.fragment
    return port_fits and whole and parts.scheme in ("http", "https") and bool(parts.hostname)


def reach(options: LocalHttpOptions) -> Reach:
    """How public the addresses are that this host hands out."""
    import ipaddress
    from urllib.parse import urlsplit

    host = (urlsplit(options.public_base_url).hostname or "") if options.public_base_url else options.bind
    if host == "localhost" or host.endswith(".localhost"):
        return Reach.LOOPBACK
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # A name: of a tunnel when it was given as public, else of this machine.
        return Reach.PUBLIC if options.public_base_url else Reach.NETWORK
    if address.is_loopback or address.is_unspecified:
        return Reach.LOOPBACK
    return Reach.PUBLIC if address.is_global else Reach.NETWORK


def _create(options: LocalHttpOptions, context: Context) -> LocalHttp:
    from .server import LocalHttp

    return LocalHttp(options, context)


@hookimpl
def runner_register() -> UploaderSpec:
    return UploaderSpec(
        name="local_http",
        summary="a web server inside the run, gone with it; loopback unless told otherwise",
        factory=_create,
        options=LocalHttpOptions,
        capabilities=lambda options: UploaderCapabilities(reach=reach(options)),
    )
