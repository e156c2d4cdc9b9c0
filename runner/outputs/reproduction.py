"""Whether what was made again is what was there: the manifests of two runs of one request, compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runner.planning.plan import Plan

_FILES: Final = ("first_frame", "clip")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One thing of a run: the field of a request, or the digest of a file."""

    name: str
    """The shot or the sequence, and what of it: `hero/pour clip`."""
    was: Any
    """In the folder; `None` where it is not there."""
    now: Any

    @property
    def same(self) -> bool:
        return bool(self.was == self.now)


def requests(found: Mapping[str, Any], plan: Plan) -> tuple[Compared, ...]:
    """What a plan requests otherwise than the manifest `found` says: nothing where their keys are equal."""
    from runner.outputs.manifest import request_of

    if found["key"] == plan.key:
        return ()  # a manifest names the takes that were used, which are other shots than those planned
    planned = {shot.name: {"key": shot.key, **request_of(shot)} for shot in plan.shots}
    recorded = dict(_shots(found))
    differ = []
    for name in dict.fromkeys((*recorded, *planned)):
        was, now = recorded.get(name, {}), planned.get(name, {})
        if was.get("key") == now.get("key"):
            continue
        fields = [field for field in now if field != "key" and was.get(field) != now[field]]
        # A plugin's options, given images and the shot before are in the key alone.
        differ += [
            Compared(name=f"{name} {field}", was=was.get(field), now=now.get(field))
            for field in fields or ["key"]
        ]
    if not differ:
        differ.append(Compared(name="the run's key", was=found["key"], now=plan.key))
    return tuple(differ)


def files(was: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Compared, ...]:
    """Each file that one of two manifests lists, by its digest."""
    before, after = dict(_digests(was)), dict(_digests(now))
    return tuple(
        Compared(name=name, was=before.get(name), now=after.get(name))
        for name in dict.fromkeys((*before, *after))
    )


def _shots(found: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for sequence, content in found["sequences"].items():
        for shot, entry in content["shots"].items():
            yield f"{sequence}/{shot}", entry


def _digests(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, entry in _shots(found):
        for kind in _FILES:
            if entry.get(kind):
                yield f"{name} {kind.replace('_', ' ')}", entry[kind]["sha256"]
    for sequence, content in found["sequences"].items():
        if content.get("film"):
            yield f"{sequence} film", content["film"]["sha256"]
