"""From a request to a plan with its price: composed and checked as files are, and within the limits of the server."""

from __future__ import annotations

import re
import tempfile
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runner.config import yaml_text
from runner.config.compose import PrimaryConfig, compose
from runner.config.remote_images import is_url
from runner.errors import ConfigError, NotAffordable, NotConfirmed, Problem
from runner.money import dollars, from_usd, to_usd
from runner.planning.estimate import Estimate, estimate
from runner.planning.preparation import Registries, plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.config.compose import Composed
    from runner.planning.plan import Plan
    from runner.web.requested import Requested

_REQUEST: Final = "request"
_MOST_FETCHED: Final = 16
_FILES: Final = re.compile(
    r"sequences\.[^.]+(?:\.shots\.[^.]+|\.shot)\.(?:image|prompt_file)|shot\.(?:image|prompt_file)"
    r"|continuity\.anchor|film\.(?:music|narration|end_card)(?:\.(?:file|image))?"
)
"""Keys that name files."""
_MAY_BE_FETCHED: Final = re.compile(r".*\.(?:image|anchor|end_card)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may ask for, whatever its own budget says."""

    max_cost_usd: float | None = 5.0
    """US dollars for all runs of one request; `None` is no limit."""
    max_shots: int | None = 100
    """Shots, with those that are paid for already; `None` is no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A request that can be run, and what it will cost."""

    plan: Plan
    expected: Estimate

    @property
    def id(self) -> str:
        """The same for the same request: its own clips, under whatever budget."""
        return self.plan.key[:32]


@dataclass(slots=True)
class Preparation:
    """Plans requests over one outputs root. Blocking, for any thread; they take turns."""

    root: Path
    folder: Path
    """The working folder, with its `conf` and its plugins."""
    user_file: Path | None = None
    limits: Limits = field(default_factory=Limits)
    registries: Registries = field(default_factory=Registries)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def prepare(self, requested: Requested) -> Prepared:
        """The plan of a request. Nothing is bought; images on the internet that it names are fetched.

        Raises `ConfigError` with all problems, `NotAffordable` where it asks for more than the limits allow, and
        `JournalError`.
        """
        with self._turn, tempfile.TemporaryDirectory(prefix="runner-request-") as place:
            try:
                composed = self._composed(requested, Path(place))
                _check_files(composed, Path(place))
                planned = plan(composed, self.registries)
            except ConfigError as error:
                raise _of_request(error, place) from error
            # The folder of the request is about to go, and nobody can type the name of what was in it.
            overrides = tuple(one for one in composed.overrides if requested.project or "project=" not in one)
            planned = replace(planned, composed=replace(composed, config_dir=None, overrides=overrides))
            return self._within_limits(planned)

    def _composed(self, requested: Requested, place: Path) -> Composed:
        root = f"output.root={_quoted(str(self.root))}"
        if requested.project:
            words = [f"+project={requested.project}", *requested.overrides]
            primary = PrimaryConfig(user_file=self.user_file)
            return compose([*words, root], self.folder, primary, requested=requested.overrides)
        file = place / "project" / f"{_REQUEST}.yaml"
        file.parent.mkdir()
        file.write_text(_project_file(requested), encoding="utf-8")
        primary = PrimaryConfig(folder=place, user_file=self.user_file)
        return compose([f"+project={_REQUEST}", root], self.folder, primary)

    def _within_limits(self, planned: Plan) -> Prepared:
        limits, budget = self.limits, planned.project.budget
        shots = len(planned.shots)
        if limits.max_shots is not None and shots > limits.max_shots:
            raise NotAffordable(
                f"the request has {shots} shots; nothing was started",
                why=f"this server makes at most {limits.max_shots} of one request",
                hint="send it in parts; who runs the server raises that with --max-shots",
            )
        costs = [cost for cost in (budget.max_cost, limits.max_cost_usd) if cost is not None]
        planned = replace(
            planned,
            project=replace(planned.project, budget=replace(budget, max_cost=min(costs, default=None))),
        )
        expected = estimate(planned)
        most = from_usd(limits.max_cost_usd)
        if most is not None and expected.unpriced:
            raise NotAffordable(
                f"the price of {expected.unpriced} shots is unknown; nothing was started",
                why=f"this server spends at most {dollars(most)} on one request",
                hint="choose a model or a resolution with a known price",
            )
        if most is not None and expected.at_worst > most:
            raise NotAffordable(
                f"the request would cost up to {dollars(expected.at_worst)}; nothing was started",
                why=f"this server spends at most {dollars(most)} on one request",
                hint="ask for less; who runs the server raises that with --max-cost",
            )
        return Prepared(plan=planned, expected=expected)


def check_confirmed(prepared: Prepared) -> None:
    """Raise `NotConfirmed` where the request costs more than it says may be spent without asking."""
    limit = from_usd(prepared.plan.project.budget.confirm_above)
    expected = prepared.expected
    if limit is None or (expected.at_worst <= limit and not expected.unpriced):
        return
    raise NotConfirmed(
        f"this run would cost {dollars(expected.at_worst)}; nothing was started",
        why=f"budget.confirm_above is {to_usd(limit):g} dollars",
        hint="agree with budget.confirm_above=null",
    )


def _project_file(requested: Requested) -> str:
    """The body as the file of a project."""
    labelled = [{f"/generator@{at}": name} for at, name in requested.profiles if at.startswith("generators.")]
    chosen = [{f"override /{at}": name} for at, name in requested.profiles if "." not in at]
    content: dict[str, Any] = {"defaults": [*labelled, "_self_", *chosen], **requested.body}
    return f"# @package _global_\n{yaml_text.text(content)}"


def _check_files(composed: Composed, place: Path) -> None:
    """Raise `ConfigError` where a request names files: only the project's own may, and images on the internet."""
    problems: list[Problem] = []
    fetched = 0
    for key, value in _texts(composed.config, ""):
        if not _FILES.fullmatch(key) or not value:
            continue
        by = composed.origins.file_of(key)
        if by is not None and not by.is_relative_to(place):
            continue
        if _MAY_BE_FETCHED.fullmatch(key) and is_url(value):
            fetched += 1
            if value.lower().startswith("https://") and fetched <= _MOST_FETCHED:
                continue
        allowed = f"an image at an https:// URL, at most {_MOST_FETCHED} of them"
        problems.append(
            Problem(
                key=key, message="names a file, which a request may not", value=value[:200], allowed=allowed
            )
        )
    if problems:
        raise ConfigError("the request names files; nothing was started", tuple(problems))


def _texts(value: Any, at: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, f"{at}.{name}".lstrip("."))


def _of_request(error: ConfigError, place: str) -> ConfigError:
    """The same error without the names of our own files, for somebody who is not at this machine."""
    problems = tuple(
        replace(
            one, source="the request" if place in one.source or one.source.startswith("command line") else ""
        )
        for one in error.problems
    )
    where = "" if place in error.where or "/" in error.where else error.where
    hint = "" if "python -m runner" in error.hint else error.hint
    return ConfigError(error.what, problems, where=where, why=error.why.replace(place, ""), hint=hint)


def _quoted(text: str) -> str:
    """A text in Hydra's grammar."""
    escaped = re.sub(r"(\\*)'", lambda found: f"{found.group(1) * 2}\\'", text)
    escaped = re.sub(r"(\\+)$", lambda found: found.group(1) * 2, escaped)
    return f"'{escaped}'"
