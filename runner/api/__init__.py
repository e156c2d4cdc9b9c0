"""All that a plugin author writes against: specs, protocols, requests, results, events. No logic.

A plugin is a module with one function:

    from runner.api import GeneratorSpec, hookimpl

    @hookimpl
    def runner_register():
        return GeneratorSpec(name="mine", factory=Mine, options=MyOptions, capabilities=...)

`factory(options, context)` builds the object that does the work; the protocols say what it must offer.
A plugin imports from `runner.api`, `runner.errors`, `runner.media` and `runner.providers`, and heavy libraries only
inside functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runner.api.capabilities import (
    Billing,
    GeneratorCapabilities,
    ImageInput,
    Lifecycle,
    Polling,
    RateLimits,
    RequestLimits,
    UploaderCapabilities,
)
from runner.api.context import Context, Download, Sink
from runner.api.events import Event, EventKind
from runner.api.protocols import (
    Extractor,
    Generator,
    Metric,
    SupportsAccountStatus,
    SupportsCallback,
    SupportsCancel,
    SupportsDelete,
    SupportsLookup,
    Uploader,
)
from runner.api.specs import (
    CARDS,
    SECRET,
    TRANSPORT,
    TRUSTED,
    EmulatorSpec,
    ExtractorSpec,
    GeneratorSpec,
    MetricSpec,
    NoOptions,
    PluginSpec,
    Spec,
    UploaderSpec,
)
from runner.api.subjects import ClipSubject, SeamSubject, Subject
from runner.api.values import (
    JSON,
    SHOT_KEY,
    AccountStatus,
    EncodedImage,
    FirstFrame,
    Frame,
    HandOver,
    HandOverRule,
    HostedImage,
    Idempotency,
    InputMode,
    Objection,
    Price,
    Range,
    Rate,
    Reach,
    Result,
    ShotRequest,
    State,
    Status,
    TaskRef,
)
from runner.redaction import harmless_environment

__all__ = [
    "API_VERSION",
    "CARDS",
    "JSON",
    "OLDEST_API_VERSION",
    "SECRET",
    "SHOT_KEY",
    "TRANSPORT",
    "TRUSTED",
    "AccountStatus",
    "Billing",
    "ClipSubject",
    "Context",
    "Download",
    "EmulatorSpec",
    "EncodedImage",
    "Event",
    "EventKind",
    "Extractor",
    "ExtractorSpec",
    "FirstFrame",
    "Frame",
    "Generator",
    "GeneratorCapabilities",
    "GeneratorSpec",
    "HandOver",
    "HandOverRule",
    "HostedImage",
    "Idempotency",
    "ImageInput",
    "InputMode",
    "Lifecycle",
    "Metric",
    "MetricSpec",
    "NoOptions",
    "Objection",
    "PluginSpec",
    "Polling",
    "Price",
    "Range",
    "Rate",
    "RateLimits",
    "Reach",
    "RequestLimits",
    "Result",
    "SeamSubject",
    "ShotRequest",
    "Sink",
    "Spec",
    "State",
    "Status",
    "Subject",
    "SupportsAccountStatus",
    "SupportsCallback",
    "SupportsCancel",
    "SupportsDelete",
    "SupportsLookup",
    "TaskRef",
    "Uploader",
    "UploaderCapabilities",
    "UploaderSpec",
    "harmless_environment",
    "hookimpl",
]

API_VERSION: Final = 2
"""The version of this package. A plugin module may state the one it was written for: `runner_api_version = 2`."""

OLDEST_API_VERSION: Final = 2
"""Plugins written for this version, and for every version up to `API_VERSION`, still work."""

if TYPE_CHECKING:
    import pluggy

    hookimpl = pluggy.HookimplMarker("runner")


def __getattr__(name: str) -> object:
    """Import pluggy with the first plugin: `runner --help` loads none."""
    if name != "hookimpl":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import pluggy

    return globals().setdefault(name, pluggy.HookimplMarker("runner"))
