"""What a plugin registers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from runner.api.capabilities import GeneratorCapabilities, UploaderCapabilities
    from runner.api.context import Context
    from runner.api.protocols import Extractor, Generator, Metric, Uploader
    from runner.api.subjects import Level
    from runner.api.values import InputMode

TRANSPORT: Final[Mapping[str, object]] = {"identity": False}
"""Metadata for an options field that says how a clip is fetched, not which clip: a timeout, a limit, a path.

    timeout_s: float = field(default=60.0, metadata=TRANSPORT)

All other options are part of a shot's identity: changing them requests another clip. Instead of `False` there may be
a function from the value to what identifies it: two values with the same result request the same clip.
"""

SECRET: Final[Mapping[str, object]] = {"identity": False, "secret": True}
"""Metadata for an options field that holds a secret. Its value is never shown, logged or written, and is scrubbed from
everything that is. It is no part of the identity.

    api_key: str = field(default="", metadata=SECRET)
"""

TRUSTED: Final[Mapping[str, object]] = {"trusted": True}
"""Metadata for an options field that no file of the working folder may set, since it says where a key is sent, what is
run, or which files are read: only the command line and the user's own file. Fields named `...url`, `...host`,
`...endpoint`, `...file`, `...path`, `...dir`, `...proxy`, `binary` and `bind` are such fields without it;
`{"trusted": False}` opens one of them.

    server: str = field(default="", metadata=TRANSPORT | TRUSTED)
"""

CARDS: Final[Mapping[str, object]] = {"identity": False, "cards": True}
"""Metadata for the options field of a generator that holds files of model cards of the user's own.

Where the configuration names none, the runner fills in the files `conf/cards/GENERATOR/*.yaml` of the working folder.

    cards: tuple[str, ...] = field(default=(), metadata=CARDS)
"""


@dataclass(frozen=True, slots=True)
class NoOptions:
    """The options of a plugin that has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorSpec:
    """A generator under a name."""

    name: str
    factory: Callable[[Any, Context], Generator]
    """Builds the object from the options and a `Context`."""
    capabilities: GeneratorCapabilities | Callable[[Any, str | None, InputMode], GeneratorCapabilities]
    """Constant, or a function of the options, the model and the input mode."""
    options: type = NoOptions
    """A dataclass: its fields are the keys under `generator:`."""
    key_version: int = 1
    """Part of the identity of every shot: raise it when the same request would give another clip."""
    summary: str = ""
    """One line for `runner plugins`."""
    account: Callable[[Any], str] | None = None
    """What tells one paying account from another (an API key); only a fingerprint of it is kept. Raises `ConfigError`
    where the key is missing: that is reported before anything starts."""
    names_matter: bool = False
    """The names of project, sequence and shot change the clip, and so are part of its identity."""
    own_client: bool = False
    """It does not use `Context.http`, as where a provider's SDK has a client of its own: its answers cannot be recorded
    (`ci.mode`)."""
    models: Callable[[tuple[str, ...]], Mapping[str, str]] | None = None
    """The models that exist, with a line about each, for `runner plugins NAME`. Takes the files of model cards of the
    user's own: see `CARDS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractorSpec:
    """An extractor under a name."""

    name: str
    factory: Callable[[Any, Context], Extractor]
    options: type = NoOptions
    key_version: int = 1
    summary: str = ""
    offsets: bool = False
    """It can return a frame before the last one, too: `HandOverRule.OFFSET`. Without it, `continuity.hand_over` is
    `last`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploaderSpec:
    """An uploader under a name."""

    name: str
    factory: Callable[[Any, Context], Uploader]
    capabilities: UploaderCapabilities | Callable[[Any], UploaderCapabilities]
    """Constant, or a function of the options."""
    options: type = NoOptions
    summary: str = ""
    ready: Callable[[Any], None] | None = None
    """Raises a `RunnerError` for what is certainly wrong before the host is contacted (no key, no key file): that is
    reported before anything is paid for. It may block for some seconds."""
    own_client: bool = False
    """It does not use `Context.http`, as where a provider's SDK has a client of its own. Where answers are recorded
    (`ci.mode`), what `put` returns is recorded in place of HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec:
    """A metric under a name."""

    name: str
    """Lower-case letters, digits and underscores: it is a column of tables, and a key of `metrics.budgets`."""
    factory: Callable[[Any, Context], Metric]
    """Takes the options with their defaults: a number is stored under the metric's name and version alone."""
    level: Level = "clip"
    """What it measures: a `clip`, or the `seam` where a chained shot begins."""
    unit: str = ""
    """Such as "dB"; empty where the number is a ratio or a share."""
    better: Literal["higher", "lower"] = "higher"
    """Which of two numbers is the better one: of several seams, the worst counts."""
    version: int = 1
    """Raise it when the same subject gets another number: what was measured by an older version is measured again."""
    minimum: float | None = None
    maximum: float | None = None
    """What the number should be, unless `metrics.budgets` says otherwise; `None` is no limit."""
    matters: float | None = None
    """The smallest change that matters to a viewer, in the metric's unit: a smaller one is no regression.
    `None` leaves it to the noise between takes."""
    options: type = NoOptions
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorSpec:
    """An emulator of a provider's HTTP API on this machine, for `runner emulate NAME`."""

    name: str
    command: Callable[[Sequence[str]], int]
    """Serves until Ctrl-C: it takes the words after `runner emulate NAME`, `--help` and `--quiet` among them, and
    returns an exit code. It imports what it needs only then."""
    summary: str = ""


PluginSpec: TypeAlias = GeneratorSpec | ExtractorSpec | UploaderSpec | MetricSpec
"""What builds an object with options from the configuration."""

Spec: TypeAlias = PluginSpec | EmulatorSpec
"""What `runner_register` returns, alone or in a list."""
