"""KIE.AI: many video models behind one API, and the image host that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from runner.api import (
    CARDS,
    SECRET,
    TRANSPORT,
    Context,
    EmulatorSpec,
    GeneratorCapabilities,
    GeneratorSpec,
    ImageInput,
    InputMode,
    Polling,
    Range,
    Rate,
    RateLimits,
    Reach,
    Spec,
    UploaderCapabilities,
    UploaderSpec,
    hookimpl,
)
from runner.providers import ApiKey, host_of, is_base_url, is_local, reach_of

from .models import MODELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .generator import Kie
    from .uploader import KieUpload

runner_api_version = 2

API: Final = "https://api.kie.ai"
UPLOAD: Final = "https://kieai.redpandaai.co"
KEY: Final = "KIE_API_KEY"
MODEL: Final = "bytedance/seedance-2-mini"
LATER: Final = "rerun the same command later, or take another image host (python -m runner plugins)"
RESULT_HOSTS: Final = (
    "tempfile.aiquickdraw.com",
    "file.aiquickdraw.com",
    "file.kie.ai",
    "tempfile.redpandaai.co",
)


def endpoint(api_url: str) -> str:
    """What identifies the provider behind this API: its URL, or that it is an emulator on this machine."""
    return "loopback" if is_local(host_of(api_url)) else api_url.rstrip("/")


@dataclass(frozen=True, slots=True)
class Callback:
    """Where KIE calls back when a task has ended. Optional: tasks are polled with it and without it.

    public_url  https://... of a tunnel or proxy that leads to bind:port on this machine; empty is none
    bind        the address to listen on
    port        the port to listen on
    hmac_key    the webhook key of KIE's settings page, which signs what comes; take it from the environment

    Raises `ValueError` for a value that cannot work.
    """

    public_url: str = ""
    bind: str = "127.0.0.1"
    port: int = 0
    hmac_key: str = field(default="", metadata=SECRET)

    def __post_init__(self) -> None:
        if self.public_url and not is_base_url(self.public_url):
            raise ValueError("callback.public_url should be https://NAME, with a path at the most")
        if not 0 <= self.port <= 65535:
            raise ValueError("callback.port should be 1 to 65535")
        if self.public_url and not self.port:
            raise ValueError("callback.port is needed with callback.public_url: the port that it leads to")


@dataclass(frozen=True, slots=True)
class KieOptions:
    """Which KIE, with which key.

    api_url        KIE, or an emulator: python -m runner emulate
    api_key        the key; the profile takes it from the environment variable KIE_API_KEY
    api_key_file   a file that holds nothing but the key, and comes before api_key
    allowed_hosts  where clips may be fetched from
    cards          files of more model cards; filled in with conf/cards/kie/*.yaml
    callback       {public_url, bind, port, hmac_key}: KIE calls back when a task ends, besides polling
    max_clip_mb    the largest clip that is accepted
    timeout_s      how long to wait for an answer
    patience_s     how long a failure without a proper record must be reported before it counts

    Raises `ValueError` for a value that cannot work.
    """

    api_url: str = field(default=API, metadata={"identity": endpoint})
    api_key: str = field(default="", metadata=SECRET)
    api_key_file: str = field(default="", metadata=TRANSPORT)
    allowed_hosts: tuple[str, ...] = field(default=RESULT_HOSTS, metadata=TRANSPORT)
    cards: tuple[str, ...] = field(default=(), metadata=CARDS)
    callback: Callback = field(default_factory=Callback, metadata=TRANSPORT)
    max_clip_mb: float = field(default=2000.0, metadata=TRANSPORT)
    timeout_s: float = field(default=60.0, metadata=TRANSPORT)
    patience_s: float = field(default=30.0, metadata=TRANSPORT)

    def __post_init__(self) -> None:
        _check(self.api_url, "api_url", self.timeout_s)
        if self.patience_s < 0:
            raise ValueError("patience_s should be 0 or more")
        if self.max_clip_mb <= 0:
            raise ValueError("max_clip_mb should be more than 0")


@dataclass(frozen=True, slots=True)
class KieUploadOptions:
    """Where images are uploaded, with which key.

    upload_url    KIE's upload host, or an emulator
    api_key       the key; the profile takes it from the environment variable KIE_API_KEY
    api_key_file  a file that holds nothing but the key, and comes before api_key
    folder        the folder of the account that they go into
    life_h        how many hours a URL counts as served; KIE states 24 hours in one place and 3 days in another
    timeout_s     how long to wait for an answer

    Raises `ValueError` for a value that cannot work.
    """

    upload_url: str = UPLOAD
    api_key: str = field(default="", metadata=SECRET)
    api_key_file: str = ""
    folder: str = "runner"
    life_h: float = 24.0
    timeout_s: float = 60.0

    def __post_init__(self) -> None:
        _check(self.upload_url, "upload_url", self.timeout_s)
        parts = self.folder.split("/")
        if not self.folder.isprintable() or any(part in ("", ".", "..") for part in parts):
            raise ValueError("folder should be a path such as runner/frames, without a slash at its ends")
        if self.life_h <= 0:
            raise ValueError("life_h should be more than 0")


def _check(url: str, name: str, timeout_s: float) -> None:
    if not is_base_url(url):
        raise ValueError(f"{name} should be https://HOST (or http:// for an emulator on this machine)")
    if url.startswith("http:") and not is_local(host_of(url)):
        raise ValueError(f"{name} should begin with https://: a key is sent there")
    if timeout_s <= 0:
        raise ValueError("timeout_s should be more than 0")


def key_of(options: KieOptions | KieUploadOptions, section: str = "generator") -> ApiKey:
    """Where the account's key is found."""
    return ApiKey(
        provider="KIE",
        variable=KEY,
        option=options.api_key,
        file=options.api_key_file,
        section=section,
        hint="to try it without one: python -m runner emulate kie --port 8080",
    )


def _capabilities(options: KieOptions, model: str | None, mode: InputMode) -> GeneratorCapabilities:
    local = is_local(host_of(options.api_url))
    account = GeneratorCapabilities(
        image=ImageInput(reach=Reach.LOOPBACK if local else Reach.PUBLIC),
        polling=Polling(
            interval_s=Range(0.25, 2.0) if local else Range(2.0, 20.0),
            callback=bool(options.callback.public_url),
        ),
        limits=RateLimits(submit=Rate(20, 10.0), poll=Rate(10, 1.0), in_flight=100),
    )
    return MODELS.catalogue(options.cards).capabilities(model or MODEL, mode, account)


def _hosting(options: KieUploadOptions) -> UploaderCapabilities:
    reach = reach_of(host_of(options.upload_url))
    return UploaderCapabilities(
        reach=reach,
        https=not options.upload_url.startswith("http:"),
        lifetime_s=options.life_h * 3600,
        fetch_hint=LATER,
        reach_hint="" if reach is Reach.PUBLIC else "leave uploader.upload_url at KIE's own host",
        lifetime_hint="set uploader.life_h to more hours, if KIE serves images that long",
    )


def _ready(options: KieUploadOptions) -> None:
    key_of(options, "uploader").read()


def _create(options: KieOptions, context: Context) -> Kie:
    from .generator import Kie

    return Kie(options, context)


def _create_uploader(options: KieUploadOptions, context: Context) -> KieUpload:
    from .uploader import KieUpload

    return KieUpload(options, context)


def _emulate(words: Sequence[str]) -> int:
    from .emulator.command import main

    return main(words)


@hookimpl
def runner_register() -> list[Spec]:
    return [
        GeneratorSpec(
            name="kie",
            summary="KIE.AI: Kling, Seedance, Wan, Hailuo, Veo, Grok, MiniMax, PixVerse and more; paid",
            factory=_create,
            options=KieOptions,
            capabilities=_capabilities,
            account=lambda options: f"{endpoint(options.api_url)} {key_of(options).read()}",
            models=MODELS.models,
        ),
        UploaderSpec(
            name="kie",
            summary="KIE's own image host: free with the key, URLs are served for a day",
            factory=_create_uploader,
            options=KieUploadOptions,
            capabilities=_hosting,
            ready=_ready,
        ),
        EmulatorSpec(
            name="kie",
            command=_emulate,
            summary="KIE.AI: tasks, uploads, callbacks, an account; clips that start from the image they are given",
        ),
    ]
