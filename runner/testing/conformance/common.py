"""What every plugin must be: well described, quick to load, built and left without a fuss."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner import contract
from runner.api import (
    GeneratorCapabilities,
    GeneratorSpec,
    InputMode,
    UploaderCapabilities,
    UploaderSpec,
    harmless_environment,
)
from runner.kinds import Kind
from runner.testing.conformance.report import Failed, Skipped, require

if TYPE_CHECKING:
    import httpx

    from runner.testing.conformance.report import Checks
    from runner.testing.conformance.target import Target

_HEAVY: Final = (
    *("PIL", "aiohttp", "av", "boto3", "botocore", "cv2", "google.cloud", "httpx", "hydra", "imageio"),
    *("imageio_ffmpeg", "matplotlib", "moviepy", "numpy", "omegaconf", "pandas", "pydantic", "requests"),
    *("scipy", "skimage", "skvideo", "tensorflow", "torch", "torchvision", "transformers"),
)
_ROOT: Final = str(Path(__file__).resolve().parents[3])
_LONGEST_NAME: Final = 60
_LONGEST_SUMMARY: Final = 110
_LOAD_S: Final = 60

_PROGRAM: Final = """
import json, sys
from runner import plugins
dirs, block, heavy = json.loads(sys.argv[1])
registry = plugins.load(dirs, block)
print(json.dumps([name for name in heavy if name in sys.modules]))
"""


async def check(target: Target, checks: Checks, work: Path, http: httpx.AsyncClient) -> bool:
    """Check what all plugins share; whether it can be built, so that more can be checked."""

    async def starts() -> bool:
        for _ in range(2):
            async with target.opened(work, http):
                pass
        return True

    await checks.run("is described", lambda: _described(target))
    await checks.run("options are a frozen dataclass", lambda: _options(target))
    caps = target.kind in (Kind.EXTRACTOR, Kind.METRIC) or await checks.run(
        "states its capabilities", lambda: _capable(target)
    )
    await checks.run("loads no heavy library", lambda: _light(target))
    if not (await checks.run("is built, entered and left, twice", starts) and caps):
        return False
    has = await checks.run("has the methods that a run calls", lambda: _methods(target, work, http))
    return has is not None


async def _methods(target: Target, work: Path, http: httpx.AsyncClient) -> str:
    stated: list[GeneratorCapabilities | UploaderCapabilities] = []
    if target.kind is Kind.GENERATOR:
        stated = [target.can_generate(how) for how in InputMode]
    elif target.kind is Kind.UPLOADER:
        stated = [target.can_host()]
    promised = {protocol: None for caps in stated for protocol in contract.promised(caps)}
    async with target.opened(work, http) as made:
        contract.check_methods(target.kind, target.spec.name, made, tuple(promised))
        unused = [set(contract.unused(made, caps)) for caps in stated]
    return "; ".join(sorted(set.intersection(*unused))) if unused else ""


async def _described(target: Target) -> str:
    spec = target.spec
    require(isinstance(spec.name, str) and spec.name, "it has no name")
    require(
        spec.name.isprintable() and not set(spec.name) & set(" =,[]{}'\"/\\"),
        f"its name {spec.name!r} cannot be typed as KEY=NAME",
    )
    require(len(spec.name) <= _LONGEST_NAME, f"its name is longer than {_LONGEST_NAME} characters")
    version = getattr(spec, "key_version", 1)
    require(
        isinstance(version, int) and version >= 1, f"key_version is {version!r}, not a whole number from 1 on"
    )
    require(isinstance(spec.summary, str), "its summary is not a text")
    require("\n" not in spec.summary, "its summary has more than one line")
    require(
        len(spec.summary) <= _LONGEST_SUMMARY, f"its summary is longer than {_LONGEST_SUMMARY} characters"
    )
    if isinstance(spec, GeneratorSpec) and spec.account is not None:
        require(isinstance(spec.account(target.options), str), "account(options) is not a text")
    return "" if spec.summary.strip() else "without a summary: one line would help those who list plugins"


async def _options(target: Target) -> str:
    cls = target.spec.options
    require(cls.__dataclass_params__.frozen, f"{cls.__name__} is not frozen")  # type: ignore[attr-defined]
    needed = [
        field.name
        for field in fields(cls)
        if field.init and field.default is MISSING and field.default_factory is MISSING
    ]
    if not needed:
        try:
            cls()
        except Exception as error:
            raise Failed(
                f"its own defaults are refused: {error}; an option that has none should be required"
            ) from error
    return f"required: {', '.join(needed)}" if needed else ""


async def _capable(target: Target) -> bool:
    if isinstance(target.spec, UploaderSpec):
        target.can_host()
        return True
    cans = [target.can_generate(how) for how in InputMode]
    for can in cans:
        require(not can.image or can.image.formats, "it takes images, and no format of them")
        require(can.request.durations_s is None or can.request.durations_s, "it knows no duration")
        require(can.request.aspect_ratios is None or can.request.aspect_ratios, "it knows no aspect ratio")
        require(
            0 < can.polling.interval_s.low <= can.polling.interval_s.high,
            f"poll_s is {can.polling.interval_s}",
        )
    require(any(can.text or can.image for can in cans), "it makes clips neither from text nor from a picture")
    return True


async def _light(target: Target) -> None:
    block = [name for name in target.others if name != target.source.name]
    paths = os.pathsep.join([_ROOT, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", _PROGRAM, json.dumps([target.dirs, block, _HEAVY])],
        capture_output=True,
        text=True,
        timeout=_LOAD_S,
        env={**harmless_environment(), "PYTHONPATH": paths},
        check=False,
    )
    if done.returncode:
        raise Skipped(f"it could not be loaded alone: {done.stderr.strip().splitlines()[-1:]}")
    loaded = json.loads(done.stdout.splitlines()[-1])
    require(
        not loaded, f"importing it imports {', '.join(loaded)}: import it inside the functions that use it"
    )
