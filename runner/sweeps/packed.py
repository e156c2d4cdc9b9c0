"""What became of a run, on its way from a worker process: the plan stays behind, since both sides have it."""

from __future__ import annotations

import io
import pickle
from typing import TYPE_CHECKING, Any

from runner.errors import RunnerError
from runner.outputs.outcome import RunOutcome
from runner.planning.plan import Plan, PlannedSequence, PlannedShot

if TYPE_CHECKING:
    from collections.abc import Callable


def pack(outcome: RunOutcome | RunnerError) -> bytes:
    """The outcome without its plan, or why there is none.

    What no process can take, such as a lock in an error, raises as pickle does.
    """
    buffer = io.BytesIO()
    _Packer(buffer, pickle.HIGHEST_PROTOCOL).dump(outcome)
    return buffer.getvalue()


def unpack(packed: bytes, plan: Plan) -> RunOutcome:
    """The outcome of a run of `plan`; an error is the outcome of one that did not start.

    Only for what a worker of this very command wrote, since pickle trusts it.
    Raises `KeyError` where the worker ran another plan.
    """
    unpickler = _Unpacker(io.BytesIO(packed))
    unpickler.plan = plan
    found: RunOutcome | RunnerError = unpickler.load()
    return RunOutcome(plan=plan, error=found) if isinstance(found, RunnerError) else found


class _Packer(pickle.Pickler):
    def persistent_id(self, obj: Any) -> tuple[str, ...] | None:
        match obj:
            case Plan():
                return ("plan", obj.key)
            case PlannedSequence():
                return ("sequence", obj.name)
            case PlannedShot():
                return ("shot", obj.key, obj.name)
        return None

    def reducer_override(self, obj: Any) -> Any:
        # An error's class may take other arguments than the one that it shows.
        if isinstance(obj, RunnerError):
            return _error, (type(obj), obj.args, dict(obj.__dict__))
        return NotImplemented


class _Unpacker(pickle.Unpickler):
    plan: Plan

    def persistent_load(self, pid: Any) -> Any:
        kind, *name = pid
        if kind == "plan" and name == [self.plan.key]:
            return self.plan
        if kind == "sequence":
            return {one.name: one for one in self.plan.sequences}[name[0]]
        if kind == "shot":
            return {(one.key, one.name): one for one in self.plan.shots}[name[0], name[1]]
        raise KeyError(f"the worker ran another plan than {self.plan.key}")


def _error(kind: Callable[..., RunnerError], args: tuple[object, ...], state: dict[str, Any]) -> RunnerError:
    error: RunnerError = RunnerError.__new__(kind, *args)  # type: ignore[arg-type]  # a class
    error.args = args
    error.__dict__.update(state)
    return error
