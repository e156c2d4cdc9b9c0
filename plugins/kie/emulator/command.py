"""The command line of this emulator."""

from __future__ import annotations

import argparse
import asyncio
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from runner.errors import UsageError

from .accounts import Rate
from .options import CREATIONS, DEFAULT_KEY, POLLS, Options
from .script import Script, load

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME: Final = "kie"
_HELP: Final = f"python -m runner emulate {_NAME} --help"
_HOUR_S: Final = 3600.0
_DAY_S: Final = 86_400.0


def main(words: Sequence[str]) -> int:
    """Serve until Ctrl-C; 0 then. Raises `UsageError`."""
    try:
        arguments = parser().parse_args(words)
    except SystemExit as ended:
        return int(ended.code or 0)  # after --help
    options = _options(arguments)
    from . import serve

    try:
        listening = serve.listen(arguments.host, arguments.port)
    except (OSError, OverflowError) as problem:
        raise UsageError(
            f"the emulator cannot listen on {arguments.host}:{arguments.port}",
            why=getattr(problem, "strerror", None) or str(problem),
            hint="choose another --port; 0 takes any that is free",
        ) from None
    key = options.keys[0]
    asyncio.run(
        serve.serve(
            options,
            listening,
            quiet=arguments.quiet,
            die_with_parent=arguments.die_with_parent,
            ready=lambda url: _announce(url, key),
        )
    )
    return 0


def _announce(url: str, key: str) -> None:
    print(f"{_NAME.upper()} emulator: {url}")
    print(f"export {_NAME.upper()}_API_KEY={key}")
    print(
        f"python -m runner +project=ad_campaign generator={_NAME} uploader={_NAME} "
        f"generator.api_url={url} uploader.upload_url={url}",
        flush=True,
    )


def parser() -> argparse.ArgumentParser:
    """All options. A mistake in them raises `UsageError`."""
    found = _Parser(
        prog=f"python -m runner emulate {_NAME}",
        description="Serve the API of KIE.AI on this machine: accounts, uploads, tasks, clips. Ctrl-C ends it.",
        allow_abbrev=False,
    )
    add = found.add_argument
    add("--port", type=_port, default=0, help="0, the default, takes any that is free")
    add("--host", default="127.0.0.1", help="listen there (127.0.0.1); anybody who reaches it may use it")
    add(
        "--public-url",
        default="",
        metavar="URL",
        help="how its files are called from outside (where it listens)",
    )
    add("--key", action="append", metavar="KEY", help=f"an account's API key, repeatable ({DEFAULT_KEY})")
    add(
        "--credits",
        type=_decimal,
        default=Decimal(1000),
        metavar="N",
        help="of each account at the start (1000)",
    )
    add(
        "--no-credit", type=int, choices=(402, 500, 429), default=402, help="the code when they run out (402)"
    )
    add(
        "--error-style",
        choices=("envelope", "http"),
        default="envelope",
        help="errors as HTTP 200, or as themselves",
    )
    add(
        "--rate",
        type=_rate,
        default=CREATIONS,
        metavar="N/S",
        help="creations per account (20/10), 0 for any",
    )
    add(
        "--poll-rate",
        type=_rate,
        default=POLLS,
        metavar="N/S",
        help="polls per account (10/1), 0 for any",
    )
    add("--task-seconds", type=_seconds, default=2.0, metavar="S", help="how long a task takes (2)")
    add("--speed", type=_positive, default=1.0, metavar="X", help="divides the seconds of a task (1)")
    add(
        "--grace-seconds",
        type=_seconds,
        default=0.0,
        metavar="S",
        help="how long a new task is not known yet (0)",
    )
    add(
        "--states",
        type=_states,
        default="waiting,generating",
        metavar="A,B",
        help="on the way (waiting,generating)",
    )
    add("--script", type=Path, metavar="FILE", help="how to misbehave, YAML or JSON")
    add("--legacy-sora", action="store_true", help="run the sora-2 models, which are paused")
    add("--upload-hours", type=_positive, default=24.0, metavar="H", help="life of an upload (24)")
    add("--result-days", type=_positive, default=14.0, metavar="D", help="life of a result (14)")
    add(
        "--result-url-hours",
        type=_positive,
        default=24.0,
        metavar="H",
        help="life of a result's address (24); download-url gives another while the result lives",
    )
    add(
        "--callback-shape",
        choices=("union", "envelope", "short"),
        default="union",
        help="which documented body; union, the default, is both in one",
    )
    add("--callback-twice", action="store_true", help="deliver every callback twice")
    add(
        "--callback-timeout",
        type=_positive,
        default=15.0,
        metavar="S",
        help="for an answer to a callback (15)",
    )
    add("--webhook-key", default="", metavar="KEY", help="sign callbacks with it")
    add(
        "--fetch-timeout",
        type=_positive,
        default=30.0,
        metavar="S",
        help="for an input picture, clip or sound (30)",
    )
    add("--fps", type=_small, default=16, metavar="N", help="frames a second of the clips (16)")
    add(
        "--max-short-side",
        type=_side,
        default=0,
        metavar="PX",
        help="no clip is larger, whatever is requested",
    )
    add("--die-with-parent", action="store_true", help="stop when the standard input closes")
    add("-q", "--quiet", action="store_true", help="no line per creation")
    return found


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"emulate {_NAME}: {message}", hint=f"{_HELP}  shows the options")


def _options(arguments: argparse.Namespace) -> Options:
    return Options(
        public_url=arguments.public_url.rstrip("/"),
        keys=tuple(arguments.key or (DEFAULT_KEY,)),
        credits=arguments.credits,
        error_style=arguments.error_style,
        no_credit=arguments.no_credit,
        legacy_sora=arguments.legacy_sora,
        rate=arguments.rate,
        poll_rate=arguments.poll_rate,
        task_seconds=arguments.task_seconds,
        speed=arguments.speed,
        grace_seconds=arguments.grace_seconds,
        states=arguments.states if isinstance(arguments.states, tuple) else _states(arguments.states),
        upload_life_s=arguments.upload_hours * _HOUR_S,
        result_life_s=arguments.result_days * _DAY_S,
        result_url_life_s=arguments.result_url_hours * _HOUR_S,
        callback_shape=arguments.callback_shape,
        callback_twice=arguments.callback_twice,
        callback_timeout_s=arguments.callback_timeout,
        webhook_key=arguments.webhook_key,
        fps=arguments.fps,
        max_short_side=arguments.max_short_side,
        fetch_timeout_s=arguments.fetch_timeout,
        script=_script(arguments.script),
    )


def _script(file: Path | None) -> Script:
    if file is None:
        return Script()
    try:
        return load(file)
    except (OSError, ValueError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else str(problem)
        raise UsageError("the script cannot be used", where=str(file), why=why or "") from None


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise argparse.ArgumentTypeError(f"{text!r} is no number")
    return value


def _seconds(text: str) -> float:
    value = float(_decimal(text))
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is less than 0")
    return value


def _positive(text: str) -> float:
    if not (value := _seconds(text)):
        raise argparse.ArgumentTypeError("0 is not enough")
    return value


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port")
    return int(text)


def _small(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 60:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 1 and 60")
    return int(text)


def _side(text: str) -> int:
    if not text.isdecimal() or int(text) < 64:
        raise argparse.ArgumentTypeError(f"{text!r} is less than 64")
    return int(text)


def _rate(text: str) -> Rate:
    count, _, per_s = text.partition("/")
    if not count.isdecimal() or (int(count) and not per_s):
        raise argparse.ArgumentTypeError(f"{text!r} is not COUNT/SECONDS")
    return Rate(int(count), _positive(per_s) if per_s else 0.0)


def _states(text: str) -> tuple[str, ...]:
    states = tuple(filter(None, text.split(",")))
    if not states:
        raise argparse.ArgumentTypeError("name at least one state")
    return states
