"""Before anything starts: whether generators have their keys, and the image host is ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.config.project import Boundary
from runner.errors import ConfigError, PluginError, RunnerError
from runner.planning.estimate import Standing, estimate

if TYPE_CHECKING:
    from typing import Any

    from runner.api import UploaderSpec
    from runner.planning.plan import Plan


class Readiness:
    """Whether all that has work to do can do it. An image host is checked once for all runs of a session."""

    def __init__(self) -> None:
        self._ready: list[tuple[UploaderSpec, Any]] = []

    def check(self, plan: Plan) -> None:
        """Raise `ConfigError` where a generator or the image host has work to do and cannot, for want of a key.

        What is finished needs none; what is under way needs no image host.
        """
        if plan.project.ci.replays:
            return  # nobody is asked
        keyless: dict[str, RunnerError] = {}
        for label, choice in {shot.shot.generator.label: shot.shot.generator for shot in plan.shots}.items():
            try:
                if choice.spec.account is not None:
                    choice.spec.account(choice.options)
            except RunnerError as error:
                keyless[label] = error
        host = plan.project.uploader
        asks_host = plan.needs_uploader and host.spec.ready is not None
        if not keyless and (not asks_host or (host.spec, host.options) in self._ready):
            return
        standing = estimate(plan).standing
        for shot in plan.shots:
            missing = keyless.get(shot.shot.generator.label)
            if missing is not None and standing[shot.key] is not Standing.PAID:
                raise _nothing_started(missing)
        to_host = [shot for shot in plan.shots if shot.shot.boundary is not Boundary.CUT]
        if asks_host and any(standing[shot.key] in (Standing.TO_DO, Standing.UNKNOWN) for shot in to_host):
            self._check_host(host.spec, host.options)

    def _check_host(self, spec: UploaderSpec, options: Any) -> None:
        try:
            if spec.ready is not None:
                spec.ready(options)
        except RunnerError as error:
            if not error.retry_safe:  # what may work in a moment is no reason not to begin
                raise _nothing_started(error) from error
        except Exception as error:
            raise PluginError(
                f"uploader {spec.name} failed in `ready`", why=f"{type(error).__name__}: {error}"
            ) from error
        self._ready.append((spec, options))


def _nothing_started(error: RunnerError) -> ConfigError:
    why = "; ".join(part for part in (error.where, error.why) if part)
    return ConfigError(f"{error.what}; nothing was started", why=why, hint=error.hint)
