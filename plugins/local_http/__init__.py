"""An image host inside the run: a web server on this machine that knows just the images of this run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runner.api import Context, Reach, UploaderCapabilities, UploaderSpec, hookimpl
from runner.providers import host_of, is_base_url, is_public, reach_of

if TYPE_CHECKING:
    from .server import LocalHttp

runner_api_version = 2

TUNNELLED: Final = 8765
"""The port of a host behind a tunnel, where no other is named."""


@dataclass(frozen=True, slots=True)
class LocalHttpOptions:
    """Where to listen, and under which address others reach it.

    bind             the address to listen on; 127.0.0.1 is this machine only
    port             0 takes any free port; behind a public_base_url, whose tunnel has to know it, 8765
    public_base_url  how a tunnel or proxy that leads to bind:port is called from outside: https://...

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
        if self.public_base_url and not is_base_url(self.public_base_url):
            raise ValueError("public_base_url should be https://NAME (or http://), with a path at the most")


def port(options: LocalHttpOptions) -> int:
    """The port to listen on; 0 is any free one."""
    return options.port or (TUNNELLED if options.public_base_url else 0)


def reach(options: LocalHttpOptions) -> Reach:
    """How public the addresses are that this host hands out."""
    if options.public_base_url:
        return reach_of(host_of(options.public_base_url))
    found = reach_of(options.bind)
    # A name to listen on is this machine's own: the open internet need not know it.
    return min(found, Reach.NETWORK) if is_public(options.bind) is None else found


def capabilities(options: LocalHttpOptions) -> UploaderCapabilities:
    """What the addresses are like, and what helps when they are not."""
    behind = options.public_base_url
    return UploaderCapabilities(
        reach=reach(options),
        https=behind.startswith("https:"),
        fetch_hint="check that the tunnel or proxy of uploader.public_base_url runs, and leads to "
        f"{options.bind}:{port(options)}"
        if behind
        else "",
        reach_hint=f"a tunnel to 127.0.0.1:{options.port or TUNNELLED} of this machine: uploader.public_base_url=https://...",
    )


def _create(options: LocalHttpOptions, context: Context) -> LocalHttp:
    from .server import LocalHttp

    return LocalHttp(options, context)


@hookimpl
def runner_register() -> UploaderSpec:
    return UploaderSpec(
        name="local_http",
        summary="a web server inside the session; loopback unless configured otherwise",
        factory=_create,
        options=LocalHttpOptions,
        capabilities=capabilities,
    )
