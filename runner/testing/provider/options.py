"""The command line of an emulator: each of its options is a field of a dataclass.

    @dataclass(frozen=True, kw_only=True)
    class Options(Listening):
        task_seconds: float = option(2.0, "S", "how long a task takes", read_seconds)

is `--task-seconds S`, whose help ends with its default. An option that is False by default takes no value.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from runner.api import Rate
from runner.errors import UsageError
from runner.testing.provider import serving

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

T = TypeVar("T")


def _converted(read: Callable[[str], T], text: str) -> T:
    try:
        return read(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def option(
    default: T,
    metavar: str | None,
    help: str,
    read: Callable[[str], T] | None = None,
    *,
    shown: str | None = None,
    **argparse_keys: Any,
) -> T:
    """A field that is an option; `read` raises `ValueError` for a text that is no value of it.

    `shown` stands for the default in its help; "" shows none.
    """
    if shown is None:
        shown = f"{default:g}" if isinstance(default, float) else str(default)
    if read is not None:
        argparse_keys["type"] = functools.partial(_converted, read)
    keys = {"metavar": metavar, "help": f"{help} ({shown})" if shown else help, **argparse_keys}
    if default is False:
        keys = {"help": help, "action": "store_true", **argparse_keys}
    return dataclasses.field(default=default, metadata=keys)


def read_decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise ValueError(f"{text!r} is no number")
    return value


def read_seconds(text: str) -> float:
    """A number that is not less than 0."""
    value = float(read_decimal(text))
    if value < 0:
        raise ValueError(f"{text!r} is less than 0")
    return value


def read_positive(text: str) -> float:
    if not (value := read_seconds(text)):
        raise ValueError("0 is not enough")
    return value


def read_port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise ValueError(f"{text!r} is no port")
    return int(text)


def read_rate(text: str) -> Rate:
    count, _, per_s = text.partition("/")
    if not count.isdecimal() or (int(count) and not per_s):
        raise ValueError(f"{text!r} is not COUNT/SECONDS")
    return Rate(int(count), read_positive(per_s) if per_s else 0.0)


@dataclass(frozen=True, kw_only=True)
class Listening:
    """Where an emulator listens, and for how long."""

    port: int = option(0, "N", "0, the default, takes any that is free", read_port, shown="")
    host: str = option("127.0.0.1", "HOST", "listen there; anybody who reaches it may use it")
    die_with_parent: bool = option(False, None, "stop when the standard input closes")

    def listen(self) -> socket.socket:
        """Raises `UsageError`."""
        try:
            return serving.listen(self.host, self.port)
        except (OSError, OverflowError) as problem:
            raise UsageError(
                f"the emulator cannot listen on {self.host}:{self.port}",
                why=getattr(problem, "strerror", None) or str(problem),
                hint="choose another --port; 0 takes any that is free",
            ) from None


def parsed(options: type[T], words: Sequence[str], *, prog: str, description: str) -> T | None:
    """The options that are given; None after --help. `prog` is the command. Raises `UsageError`."""
    parser = _Parser(prog=prog, description=description, allow_abbrev=False)
    for one in dataclasses.fields(options):  # type: ignore[arg-type]
        keys = dict(one.metadata)
        names = [*keys.pop("short", ()), f"--{one.name.replace('_', '-')}"]
        parser.add_argument(*names, default=one.default, **keys)
    try:
        return options(**vars(parser.parse_args(words)))
    except SystemExit:
        return None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        command = self.prog.removeprefix("python -m runner ")
        raise UsageError(f"{command}: {message}", hint=f"{self.prog} --help  shows the options")
