"""A composed configuration becomes a `Project`, or a list of all that is wrong with it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from runner.api import GeneratorSpec
from runner.config import catalogue, ci_keys, names, own_cards, schema, trust
from runner.config import film as films
from runner.config import metrics as metric_choices
from runner.config.beam_keys import Beam
from runner.config.check_keys import Checks
from runner.config.convert import Reader, listed, nearest
from runner.config.given import given
from runner.config.project import (
    ExtractorChoice,
    GeneratorChoice,
    Project,
    Sequence,
    Shot,
    UploaderChoice,
)
from runner.config.shots import ShotReader
from runner.errors import ConfigError, Problem
from runner.kinds import KINDS, Kind
from runner.naming import slugs
from runner.store.clip_scores import SCORES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.config.compose import Composed
    from runner.plugins import Registered, Registry

REPLAYS = "replay"
"""The folder of an outputs root that replays have for a root of their own."""
_HINT = "python -m runner +project=NAME, or python -m runner --help"


def read(composed: Composed, registry: Registry) -> tuple[Project | None, Reader]:
    """The project, with the reader that holds all problems found; no project where one cannot even be drafted."""
    reader = Reader(composed.origins)
    reader.problems += own_cards.misplaced(registry, composed.folder)
    config = given(composed.config, reader)
    project = _Drafting(config, registry, reader, composed).project()
    reader.problems += trust.refused_secrets(config, reader.secrets, composed.variables, composed.origins)
    return project, reader


class _Drafting:
    """Reads one configuration section by section."""

    def __init__(
        self, config: Mapping[str, Any], registry: Registry, reader: Reader, composed: Composed
    ) -> None:
        self.config = config
        self.registry = registry
        self.reader = reader
        self.folder = composed.folder
        self.folders = composed.folders
        self.trust = trust.of(config)
        reader.offline = ci_keys.mode_of(config.get("ci")) in ("record", "replay")

    def project(self) -> Project | None:
        self._check_sections()
        keys = self._project_keys()
        defaults = self.reader.read(schema.ShotDefaults, self.config.get("shot"), "shot")
        default = self._generator("", self.config.get("generator"), "generator")
        labelled = self._mapping("generators")
        generators = {
            label: self._generator(label, raw, f"generators.{label}") for label, raw in labelled.items()
        }
        extractor = self._plugin(Kind.EXTRACTOR, "extractor", self.config.get("extractor"))
        uploader = self._plugin(Kind.UPLOADER, "uploader", self.config.get("uploader"))
        continuity = self.reader.read(schema.Continuity, self.config.get("continuity"), "continuity")
        budget = self.reader.read(schema.BudgetKeys, self.config.get("budget"), "budget")
        limits = self.reader.read(schema.Limits, self.config.get("limits"), "limits")
        output = self.reader.read(schema.Output, self.config.get("output"), "output")
        self.reader.read(schema.PluginKeys, self.config.get("plugins"), "plugins")
        sweep = self.reader.read(schema.SweepKeys, self.config.get("sweep"), "sweep")
        for name in ("grid", "jobs", "from_file"):
            if getattr(sweep, name):  # the jobs of a sweep have none of these any more
                self.reader.problem(
                    f"sweep.{name}", "declares a sweep", allowed="it with -m, which runs its jobs"
                )
        beam = self._beam(continuity)
        report = self.config.get("report", True)
        if not isinstance(report, bool):
            self.reader.problem("report", "should be true or false", value=report, allowed="true or false")
        checks = self.reader.read(Checks, self.config.get("checks"), "checks")
        self.reader.read(schema.TrustKeys, self.config.get("trust"), "trust")
        shots = ShotReader(
            self.reader,
            self.folders,
            defaults,
            style=(keys.style or "").strip(),
            project=keys.name or "",
            trusted=self.trust,
            generators={"": default, **generators},
        )
        sequences = self._sequences(shots)
        names_of = [sequence.name for sequence in sequences]
        film = films.read(self.config.get("film"), self.reader, self.folders, self.trust, names_of)
        score = beam.score if beam.is_on and beam.score not in SCORES else ""
        metrics = metric_choices.read(self.config.get("metrics"), self.reader, self.registry, score)
        name = keys.name or ""
        slug = slugs([name])[name]
        ci = ci_keys.read(self.config.get("ci"), self.reader, self.folder, slug)
        if extractor is None or uploader is None or default is None:
            return None
        return Project(
            name=name,
            slug=slug,
            description=(keys.description or "").strip(),
            sequences=sequences,
            extractor=ExtractorChoice(spec=extractor[0], options=extractor[1]),
            uploader=UploaderChoice(spec=uploader[0], options=uploader[1], verify=uploader[2].verify),
            continuity=continuity,
            anchor=shots.image(continuity.anchor, "continuity.anchor") if continuity.anchor else None,
            metrics=metrics,
            film=film,
            budget=budget,
            limits=limits,
            beam=beam,
            checks=checks,
            ci=ci,
            report=report is not False,
            output_root=self.folder / output.root / (REPLAYS if ci.replays else ""),
        )

    def _beam(self, continuity: schema.Continuity) -> Beam:
        keys = self.reader.read(Beam, self.config.get("beam"), "beam")
        scores = dict.fromkeys((*SCORES, *sorted(spec.name for spec in self.registry.metrics())))
        if keys.score not in scores:
            allowed = " ".join(filter(None, (nearest(keys.score, scores), f"there are: {listed(scores)}")))
            self.reader.problem("beam.score", "there is no such score", value=keys.score, allowed=allowed)
        if keys.keep > keys.takes:
            self.reader.problem(
                "beam.keep", "is more than beam.takes", value=keys.keep, allowed=f"1 to {keys.takes}"
            )
        if keys.is_on and continuity.on_ignored == "retry":
            allowed = "stop or warn: beam.takes says how many takes there are"
            self.reader.problem(
                "continuity.on_ignored", "adds takes to a beam", value="retry", allowed=allowed
            )
        return keys

    def _check_sections(self) -> None:
        for key in self.config:
            if key not in (*schema.SECTIONS, *schema.SWITCHES):
                allowed = nearest(str(key), schema.SECTIONS) or listed(schema.SECTIONS)
                self.reader.problem(str(key), "there is no such section", allowed=allowed, unknown=True)

    def _project_keys(self) -> schema.ProjectKeys:
        raw = self.config.get("project")
        if isinstance(raw, str):
            raise ConfigError(f"project={raw} sets a name, not a project", hint=f"+project={raw}")
        misplaced = next((key for key in raw if key in schema.SECTIONS), "") if isinstance(raw, dict) else ""
        if misplaced:
            raise ConfigError(
                "the project file puts its keys below `project`",
                why=f"project.{misplaced} is set in {self.reader.origins.of(f'project.{misplaced}')}",
                hint="begin the file with the line  # @package _global_",
            )
        keys = self.reader.read(schema.ProjectKeys, raw, "project")
        if not (keys.name or "").strip():
            if not self.config.get("sequences") and not self.reader.origins.chosen("project"):
                there_are = listed(choice.name for choice in catalogue.choices("project", self.folder))
                problems = tuple(self.reader.problems)
                raise ConfigError("no project is chosen", problems, why=f"there are: {there_are}", hint=_HINT)
            self._missing("project.name", "is required", "a name of letters")
        else:
            names.check_one("project.name", str(keys.name), self.reader)
        return keys

    def _missing(self, key: str, message: str, allowed: str) -> None:
        """Note what the project has to have: its own file is the place for it, not the one with the defaults."""
        file = self.reader.origins.project_file()
        if file and not any(known.key == key for known in self.reader.problems):
            self.reader.problems.append(Problem(key=key, message=message, allowed=allowed, source=file))
        else:
            self.reader.problem(key, message, allowed=allowed)

    def _mapping(self, section: str) -> dict[str, Any]:
        raw = self.config.get(section) or {}
        if not isinstance(raw, dict):
            self.reader.problem(section, "should be a mapping of names", value=raw)
            return {}
        return names.read(section, raw, self.reader)

    # --- plugins ----------------------------------------------------------------------------------------------

    def _generator(self, label: str, raw: object, at: str) -> GeneratorChoice | None:
        found = self._plugin(Kind.GENERATOR, at, raw)
        if found is None:
            return None
        spec, options, keys = found
        return GeneratorChoice(label=label, spec=spec, options=options, model=keys.model, params=keys.params)

    def _plugin(self, kind: Kind, at: str, raw: object) -> tuple[Any, Any, Any] | None:
        """The spec, the options and the other keys of a section that chooses a plugin."""
        if not isinstance(raw, dict):
            self.reader.problem(at, "should be a mapping with a key `plugin`", value=raw)
            return None
        own = KINDS[kind].keys
        keys = self.reader.read(schema.PLUGIN_KEYS[kind], {k: v for k, v in raw.items() if k in own}, at)
        found = self.registry.registered.get((kind, keys.plugin)) or self._of_module(kind, keys.plugin)
        if found is None:
            self._no_plugin(kind, keys.plugin, at)
            return None
        known = {one.name for one in dataclasses.fields(found.spec.options)}
        # The user's own file has options for any plugin.
        given_options = {
            key: value
            for key, value in raw.items()
            if key not in own and (key in known or not self.reader.origins.users_own(f"{at}.{key}"))
        }
        self.reader.problems += trust.refused_options(
            found.spec.options, given_options, at, self.reader.origins, self.trust
        )
        if isinstance(found.spec, GeneratorSpec):
            self.reader.problems += own_cards.outside(
                found.spec, given_options, at, self.reader.origins, self.folders
            )
            given_options = own_cards.filled_in(found.spec, given_options, self.folder)
        options = self.reader.options(found.spec.options, given_options, at, also=set(own))
        if options is not None and ci_keys.mode_of(self.config.get("ci")) == "replay":
            options = ci_keys.without_keys(options)
        return None if options is None else (found.spec, options, keys)

    def _of_module(self, kind: Kind, module: str) -> Registered | None:
        """What a plugin module registers, where it is one plugin of the kind: a module may be chosen by its name."""
        of_module = [
            one
            for one in self.registry.registered.values()
            if one.kind is kind and one.source.name == module and one.source.kind != "bundled"
        ]
        return of_module[0] if len(of_module) == 1 else None

    def _no_plugin(self, kind: Kind, name: str, at: str) -> None:
        idle = next((one for one in self.registry.idle if one.name == name), None)
        if idle is not None:
            message = "its module registers nothing"
            allowed = "a function runner_register with @hookimpl above it: see plugins/README.md"
            self.reader.problem(f"{at}.plugin", f"{message} ({idle.place})", value=name, allowed=allowed)
        elif name:
            names = self.registry.names(kind)
            others = [other for other in KINDS if (other, name) in self.registry.registered]
            hints = [f"{name} is another kind of plugin: {other}={name}" for other in others]
            idle_places = [one.place for one in self.registry.idle if one.kind != "bundled"]
            hints += [f"{place} registers nothing: is @hookimpl missing?" for place in idle_places]
            allowed = " ".join(
                filter(None, (nearest(name, names), f"there are: {listed(names)};", *hints))
            ).rstrip(";")
            self.reader.problem(f"{at}.plugin", f"there is no such {kind}", value=name, allowed=allowed)

    # --- sequences --------------------------------------------------------------------------------------------

    def _sequences(self, shots: ShotReader) -> tuple[Sequence, ...]:
        raw = self._mapping("sequences")
        if not raw:
            self._missing("sequences", "there is no sequence", "NAME: {shots: {NAME: {prompt: ...}}}")
        names.check("sequences", raw, self.reader)
        slug_of = slugs(raw)
        return tuple(
            Sequence(name=name, slug=slug_of[name], shots=self._shots(shots, f"sequences.{name}", value))
            for name, value in raw.items()
        )

    def _shots(self, reader: ShotReader, at: str, raw: object) -> tuple[Shot, ...]:
        keys = self.reader.read(schema.SequenceKeys, raw, at)
        if not keys.shots:
            self.reader.problem(f"{at}.shots", "there is no shot", allowed="NAME: {prompt: ...}")
            return ()
        named = names.read(f"{at}.shots", keys.shots, self.reader)
        names.check(f"{at}.shots", named, self.reader)
        defaults = self.reader.read(schema.ShotDefaults, keys.shot, f"{at}.shot")
        slug_of = slugs(named)
        found = (
            reader.shot(name, slug_of[name], at, value, defaults, first=index == 0)
            for index, (name, value) in enumerate(named.items())
        )
        return tuple(shot for shot in found if shot is not None)
