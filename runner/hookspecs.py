"""The hooks that a plugin may implement. Decorate an implementation with `runner.api.hookimpl`.

Hooks are synchronous and quick. They register, observe or rewrite; the work itself is done by the objects that
the registered factories build.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.api import Event, ShotRequest, Spec

hookspec = pluggy.HookspecMarker("runner")


@hookspec
def runner_register() -> Spec | Iterable[Spec]:
    """Return the generators, extractors and uploaders this plugin offers. Called once, right after loading."""
    return ()


@hookspec
def runner_transform(request: ShotRequest) -> ShotRequest | None:
    """Rewrite a request before its identity is computed (append to a prompt, fill in a parameter).

    Implementations fold in pluggy's order (`tryfirst` before the others, of those the last loaded first, `trylast`
    last), each seeing what the one before it returned; `None` leaves the request as it is. An exception stops the run
    before anything is spent.
    `request.image` is not known yet.
    """


@hookspec
def runner_event(event: Event) -> None:
    """Observe. An exception here is logged and cannot disturb the run."""
