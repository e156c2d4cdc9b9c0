"""What plugins state, have and return: the one description that a run and `conformance` check them against.

Everything here says what is wrong in the same words wherever it is found.
"""

from __future__ import annotations

import difflib
import inspect
import json
import math
import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from runner.api import (
    AccountStatus,
    Billing,
    Frame,
    GeneratorCapabilities,
    HostedImage,
    Idempotency,
    ImageInput,
    Lifecycle,
    MetricSpec,
    Polling,
    Price,
    Range,
    Rate,
    RateLimits,
    Reach,
    RequestLimits,
    Result,
    State,
    Status,
    SupportsCallback,
    SupportsCancel,
    SupportsDelete,
    SupportsLookup,
    TaskRef,
    UploaderCapabilities,
)
from runner.errors import PluginError
from runner.kinds import KINDS, Kind
from runner.nesting import is_shallow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LONGEST_ID: Final = 1_000
_LONGEST_URL: Final = 16_000
_MOST_DATA: Final = 16_000
_NOTHING: Final = type(None)
_NUMBER: Final = (int, float)
_LEVELS: Final = ("clip", "seam")
_BETTER: Final = ("higher", "lower")

RETURNS: Final[Mapping[str, tuple[type, ...]]] = {
    "submit": (TaskRef,),
    "poll": (Status,),
    "lookup": (TaskRef, _NOTHING),
    "account_status": (AccountStatus,),
    "extract": (Frame,),
    "measure": (*_NUMBER, _NOTHING),
    "put": (HostedImage,),
    "price": (Price, _NOTHING),
    "objections": (tuple,),
    "account": (str,),
    "generator capabilities": (GeneratorCapabilities,),
    "uploader capabilities": (UploaderCapabilities,),
}
"""What each method, or function of a spec, has to return. What others return is not looked at."""

_FIELDS: Final[Mapping[type, Mapping[str, tuple[type, ...]]]] = {
    GeneratorCapabilities: {
        "model": (str, _NOTHING),
        "text": (bool,),
        "image": (ImageInput, _NOTHING),
        "request": (RequestLimits,),
        "polling": (Polling,),
        "billing": (Billing,),
        "limits": (RateLimits,),
        "lifecycle": (Lifecycle,),
    },
    ImageInput: {
        "reach": (Reach,),
        "inline_max_bytes": (int, _NOTHING),
        "formats": (tuple,),
        "ratio": (Range, _NOTHING),
    },
    RequestLimits: {
        "durations_s": (Range, tuple, _NOTHING),
        "aspect_ratios": (tuple, _NOTHING),
        "resolutions": (tuple, _NOTHING),
        "prompt_max_chars": (int, _NOTHING),
        "keys": (frozenset, set),
    },
    Polling: {"interval_s": (Range,), "callback": (bool,)},
    Billing: {"idempotency": (Idempotency,), "lookup": (bool,), "cancel_saves_money": (bool,)},
    RateLimits: {"submit": (Rate, _NOTHING), "poll": (Rate, _NOTHING), "in_flight": (int, _NOTHING)},
    UploaderCapabilities: {
        "reach": (Reach,),
        "https": (bool,),
        "lifetime_s": (*_NUMBER, _NOTHING),
        "delete": (bool,),
    },
    Price: {"usd": (Decimal, *_NUMBER)},  # it is rounded to millionths, whatever it is
    TaskRef: {"id": (str,), "data": (Mapping,)},
    Status: {
        "state": (State,),
        "progress": (*_NUMBER, _NOTHING),
        "results": (tuple, list),
        "reason": (str,),
        "cost_usd": (Decimal, *_NUMBER, _NOTHING),  # a clip that is paid for is not refused for that
    },
    Result: {"url": (str,), "expires_at": (datetime, _NOTHING)},
    AccountStatus: {
        "summary": (str,),
        "balance_usd": (Decimal, _NOTHING),
        "clock": (datetime, _NOTHING),
    },
    Frame: {"time_s": _NUMBER, "method": (str,)},
    HostedImage: {"url": (str,), "reach": (Reach,), "expires_at": (datetime, _NOTHING)},
}
"""What the fields of these values hold, where a wrong type would show far from the plugin that stated it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What was returned or stated, and what should have been."""

    shown: str
    expected: str


def fault(method: str, returned: object) -> Fault | None:
    """What is wrong with what `method` returned; `None` where nothing is."""
    expected = RETURNS.get(method)
    if expected is None:
        return None
    if method == "measure":
        returned = _plain(returned)
        if isinstance(returned, bool) or (isinstance(returned, _NUMBER) and not math.isfinite(returned)):
            return Fault(repr(returned), "a finite number or None")
    if not isinstance(returned, expected):
        return Fault(shown(returned), _names(expected))
    return next(_faults(returned), None)


def check_stated(plugin: str, what: str, stated: object, where: str) -> None:
    """Raise `PluginError` unless `what`, such as its capabilities or a price, is what a plugin has to state."""
    kind, name = plugin.split()[:2]
    wrong = fault(f"{kind} {what}" if what == "capabilities" else what, stated)
    if wrong is not None:
        raise PluginError(
            f"{plugin} states {wrong.shown} as its {what}",
            where=where,
            why=f"it should be {wrong.expected}; see runner.api",
            hint=f"change it; python -m runner conformance {name}  looks for more such mistakes",
        )


def _plain(number: object) -> object:
    """A number of numpy's as one of Python's."""
    item = getattr(number, "item", None)
    return item() if callable(item) and getattr(number, "shape", None) == () else number


def check_metric(spec: MetricSpec, where: str) -> None:
    """Raise `PluginError` where a metric is not described as its numbers need it."""
    stated: dict[str, tuple[bool, str]] = {
        "name": (
            bool(re.fullmatch(r"[a-z][a-z0-9_]{0,39}", str(spec.name))),
            "lower-case letters, digits, _",
        ),
        "level": (spec.level in _LEVELS, f"one of {', '.join(_LEVELS)}"),
        "better": (spec.better in _BETTER, f"one of {', '.join(_BETTER)}"),
        "version": (isinstance(spec.version, int) and spec.version >= 1, "a whole number from 1 on"),
        "unit": (isinstance(spec.unit, str) and len(spec.unit) <= 12, "a short text"),
        "minimum": (spec.minimum is None or _is_number(spec.minimum), "a finite number or None"),
        "maximum": (spec.maximum is None or _is_number(spec.maximum), "a finite number or None"),
    }
    for name, (right, expected) in stated.items():
        if not right:
            raise PluginError(
                f"metric {spec.name} states {name}={_exactly(getattr(spec, name))}",
                where=where,
                why=f"it should be {expected}",
                hint=f"change it; python -m runner conformance {spec.name}  looks for more such mistakes",
            )


def _is_number(value: object) -> bool:
    return isinstance(value, _NUMBER) and not isinstance(value, bool) and math.isfinite(value)


def check_methods(kind: Kind, name: str, made: object, optional: tuple[type, ...] = ()) -> None:
    """Raise `PluginError` where an object lacks a method, or has one that cannot be called as a run calls it.

    It would only show when it is called. `optional` are the protocols that its capabilities promise: see `promised`.
    """
    for protocol in (KINDS[kind].protocol, *optional):
        for method, declared in _methods(protocol):
            found = getattr(made, method, None)
            if not callable(found):
                raise _missing(kind, name, made, method, _PROMISES.get(protocol, ""))
            _check_parameters(f"{kind} {name}", method, found, declared)


def promised(capabilities: GeneratorCapabilities | UploaderCapabilities) -> tuple[type, ...]:
    """The protocols that an object with these capabilities keeps besides that of its kind."""
    if isinstance(capabilities, UploaderCapabilities):
        return (SupportsDelete,) * capabilities.delete
    stated = {
        SupportsLookup: capabilities.billing.lookup,
        SupportsCancel: capabilities.billing.cancel_saves_money,
        SupportsCallback: capabilities.polling.callback,
    }
    return tuple(protocol for protocol, holds in stated.items() if holds)


def unused(made: object, capabilities: GeneratorCapabilities | UploaderCapabilities) -> list[str]:
    """Optional methods that are there and never called, each with what its capabilities lack."""
    known = promised(capabilities)
    of_kind = (
        {SupportsDelete}
        if isinstance(capabilities, UploaderCapabilities)
        else set(_PROMISES) - {SupportsDelete}
    )
    return [
        f"`{method}` is never called: its capabilities lack {stated}"
        for protocol, stated in _PROMISES.items()
        if protocol in of_kind and protocol not in known
        for method, _ in _methods(protocol)
        if callable(getattr(made, method, None))
    ]


def place(thing: object) -> str:
    """The file and line where a function, a method or a class is defined; empty where that is not known."""
    unwrapped: Any = inspect.unwrap(thing) if callable(thing) else thing
    code = getattr(unwrapped, "__code__", None) or getattr(unwrapped, "cr_code", None)
    if code is not None:
        return f"{code.co_filename}:{code.co_firstlineno}"
    try:
        return f"{inspect.getsourcefile(unwrapped)}:{inspect.getsourcelines(unwrapped)[1]}"
    except (OSError, TypeError):
        return ""


def place_of(error: BaseException) -> str:
    """The innermost line of a plugin in a traceback; of one in another package, the line where the runner called it."""
    inner = outer = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        module, here = str(frame.f_globals.get("__name__", "")), f"{frame.f_code.co_filename}:{line}"
        if module.startswith("runner.plugins."):
            inner = here
        elif not (outer or module.partition(".")[0] in _OURS):
            outer = here
    return inner or outer


_OURS: Final = ("runner", "asyncio", "concurrent", "threading", "contextlib")
_PROMISES: Final[Mapping[type, str]] = {
    SupportsLookup: "Billing(lookup=True)",
    SupportsCancel: "Billing(cancel_saves_money=True)",
    SupportsCallback: "Polling(callback=True)",
    SupportsDelete: "UploaderCapabilities(delete=True)",
}


def _methods(protocol: type) -> Iterator[tuple[str, Callable[..., object]]]:
    return ((name, one) for name, one in vars(protocol).items() if not name.startswith("_") and callable(one))


def _missing(kind: Kind, name: str, made: object, method: str, stated: str) -> PluginError:
    own = [one for one in dir(made) if not one.startswith("__")]
    similar = next(iter(difflib.get_close_matches(method, own, 1, 0.7)), "")
    needed = ", ".join(one for one, _ in _methods(KINDS[kind].protocol))
    should = f"its capabilities state {stated}" if stated else f"{type(made).__name__} should have {needed}"
    otherwise = f"write it, or leave {stated} out" if stated else "runner.api says what each does"
    return PluginError(
        f"{kind} {name} has no method `{method}`",
        where=place(type(made)),
        why=should + (f"; it has {similar}" if similar else ""),
        hint=f"rename {similar} to {method}" if similar else otherwise,
    )


def _check_parameters(
    plugin: str, method: str, found: Callable[..., object], declared: Callable[..., object]
) -> None:
    given = list(inspect.signature(declared).parameters)[1:]
    problem = ""
    try:
        inspect.signature(found).bind(*given)
    except TypeError as error:
        problem = f"it is called with ({', '.join(given)}): {error}"
    except ValueError:  # of a compiled function
        pass
    if inspect.iscoroutinefunction(found) and not inspect.iscoroutinefunction(declared):
        problem = "it runs in a thread: write `def`, not `async def`"
    if problem:
        raise PluginError(
            f"{plugin} has a method `{method}` that cannot be called",
            where=place(found),
            why=problem,
            hint=f"change it to: {'async ' * inspect.iscoroutinefunction(declared)}def {method}"
            f"({', '.join(['self', *given])})",
        )


def _fault_of(value: object, name: str, is_so: str, expected: str) -> Fault:
    whose = f"{shown(value)} whose {name}"
    return Fault(f"{whose} {is_so}", f"{whose} {expected}")


def _faults(value: Any) -> Iterator[Fault]:
    """What is wrong inside a value of the right type."""
    for name, expected in _FIELDS.get(type(value), {}).items():
        held: Any = getattr(value, name)
        # True is an int to Python, and is no number of anything.
        right = isinstance(held, expected) and (bool in expected or not isinstance(held, bool))
        if not right:
            yield _fault_of(value, name, f"is {_exactly(held)}", f"is {_names(expected)}")
        elif isinstance(held, datetime) and held.tzinfo is None:
            yield _fault_of(value, name, "has no time zone", "has one, such as UTC")
        elif name.endswith("usd") and held is not None and not (math.isfinite(held) and held >= 0):
            yield _fault_of(value, name, f"is {held}", "is 0 or more")
        elif name == "url" and len(held) > _LONGEST_URL:
            yield Fault(f"a URL of {len(held):,} characters", f"one of at most {_LONGEST_URL:,}")
        elif name == "url" and not held.isprintable():
            yield Fault(f"the URL {held!r:.200}", "one of printable characters")
        elif type(held) in _FIELDS:
            yield from _faults(held)
    match value:
        case TaskRef():
            yield from _faults_of_task(value)
        case Status():
            for result in value.results:
                if isinstance(result, Result):
                    yield from _faults(result)
                else:
                    yield Fault(f"a Status with {shown(result)} among its results", "each a Result")
        case Frame():
            yield from _faults_of_pixels(value.rgb)


def _faults_of_task(ref: TaskRef) -> Iterator[Fault]:
    # They go into a journal, messages and commands to type; no provider has such long ones.
    if not ref.id:
        yield Fault("a TaskRef whose id is empty", "a TaskRef whose id is not empty")
    if len(ref.id) > _LONGEST_ID:
        yield Fault(f"a task id of {len(ref.id):,} characters", f"one of at most {_LONGEST_ID:,}")
    if not is_shallow(ref.data):
        yield Fault(f"the task {ref.id} with data that is nested too deeply", "a TaskRef with plain data")
        return
    try:
        size = len(json.dumps(ref.data, default=str))
    except (TypeError, ValueError):
        return  # the id counts, and whoever records the data says so
    if size > _MOST_DATA:
        yield Fault(f"the task {ref.id} with {size:,} characters of data", f"at most {_MOST_DATA:,}")


def _faults_of_pixels(rgb: Any) -> Iterator[Fault]:
    dtype, shape = str(getattr(rgb, "dtype", "")), tuple(getattr(rgb, "shape", ()))
    if dtype != "uint8" or len(shape) != 3 or shape[2] != 3 or 0 in shape:
        kind = f"{dtype} of shape {shape}" if dtype else type(rgb).__name__
        yield Fault(f"a frame of {kind}", "uint8 of shape (height, width, 3)")


def shown(value: object) -> str:
    """A value by its type, as it stands in a sentence."""
    return "None" if value is None else _article(type(value).__name__)


def _exactly(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else shown(value)


def _names(kinds: tuple[type, ...]) -> str:
    return " or ".join("None" if one is _NOTHING else _article(one.__name__) for one in kinds)


def _article(name: str) -> str:
    return f"an {name}" if name[0] in "AEIOUaeio" else f"a {name}"
