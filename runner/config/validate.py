"""A composed configuration becomes a `Project`, or a list of all that is wrong with it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.api import GeneratorSpec, ShotRequest
from runner.config import catalogue, names, own_cards, prompts, remote_images, schema, trust
from runner.config.convert import Reader, listed, nearest
from runner.config.given import given
from runner.config.project import (
    Boundary,
    ExtractorChoice,
    GeneratorChoice,
    GivenImage,
    Project,
    Sequence,
    Shot,
    UploaderChoice,
    rgb_of,
)
from runner.errors import ConfigError, FetchFailed, MediaError, Problem
from runner.kinds import KINDS, Kind
from runner.naming import slugs
from runner.net.addresses import host_of, is_local, shown_url
from runner.redaction import remember_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.config.compose import Composed
    from runner.plugins import Registered, Registry

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
        film = self.reader.read(schema.Film, self.config.get("film"), "film")
        budget = self.reader.read(schema.BudgetKeys, self.config.get("budget"), "budget")
        limits = self.reader.read(schema.Limits, self.config.get("limits"), "limits")
        output = self.reader.read(schema.Output, self.config.get("output"), "output")
        self.reader.read(schema.PluginKeys, self.config.get("plugins"), "plugins")
        self.reader.read(schema.SweepKeys, self.config.get("sweep"), "sweep")
        self.reader.read(schema.TrustKeys, self.config.get("trust"), "trust")
        shots = _ShotReader(
            self.reader,
            self.folders,
            defaults,
            style=(keys.style or "").strip(),
            project=keys.name or "",
            trusted=self.trust,
            generators={"": default, **generators},
        )
        sequences = self._sequences(shots)
        if extractor is None or uploader is None or default is None:
            return None
        name = keys.name or ""
        return Project(
            name=name,
            slug=slugs([name])[name],
            description=(keys.description or "").strip(),
            sequences=sequences,
            extractor=ExtractorChoice(spec=extractor[0], options=extractor[1]),
            uploader=UploaderChoice(spec=uploader[0], options=uploader[1], verify=uploader[2].verify),
            continuity=continuity,
            film=film,
            budget=budget,
            limits=limits,
            output_root=self.folder / output.root,
        )

    def _check_sections(self) -> None:
        for key in self.config:
            if key not in schema.SECTIONS:
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
        for name, value in given_options.items():
            # Whoever needs the key reads it later; it is hidden from here on.
            is_file = name.endswith("_file") and isinstance(value, str) and value
            if is_file and not self.reader.origins.untrusted(f"{at}.{name}"):
                remember_file(value if value.startswith("~") else str(self.folder / value))
        if isinstance(found.spec, GeneratorSpec):
            self.reader.problems += own_cards.outside(
                found.spec, given_options, at, self.reader.origins, self.folders
            )
            given_options = own_cards.filled_in(found.spec, given_options, self.folder)
        options = self.reader.options(found.spec.options, given_options, at, also=set(own))
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

    def _sequences(self, shots: _ShotReader) -> tuple[Sequence, ...]:
        raw = self._mapping("sequences")
        if not raw:
            self._missing("sequences", "there is no sequence", "NAME: {shots: {NAME: {prompt: ...}}}")
        names.check("sequences", raw, self.reader)
        slug_of = slugs(raw)
        return tuple(
            Sequence(name=name, slug=slug_of[name], shots=self._shots(shots, f"sequences.{name}", value))
            for name, value in raw.items()
        )

    def _shots(self, reader: _ShotReader, at: str, raw: object) -> tuple[Shot, ...]:
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


class _ShotReader:
    """Reads shots: their own keys over their sequence's over the project's."""

    def __init__(
        self,
        reader: Reader,
        folders: tuple[Path, ...],
        defaults: schema.ShotLevel,
        *,
        style: str,
        project: str,
        trusted: trust.Trust,
        generators: Mapping[str, GeneratorChoice | None],
    ) -> None:
        self.reader = reader
        self.folders = folders
        self.defaults = defaults
        self.style = style
        self.project = project
        self.trust = trusted
        self.generators = generators

    def shot(
        self,
        name: str,
        slug: str,
        sequence: str,
        raw: object,
        of_sequence: schema.ShotLevel,
        *,
        first: bool,
    ) -> Shot | None:
        at = f"{sequence}.shots.{name}"
        own = self.reader.read(schema.ShotKeys, raw, at)
        levels: list[tuple[str, schema.ShotLevel]] = [
            (at, own),
            (f"{sequence}.shot", of_sequence),
            ("shot", self.defaults),
        ]
        origin: dict[str, str] = {}

        def merged(key: str, otherwise: Any = None) -> Any:
            for where, level in levels:
                value = getattr(level, key)
                if value is not None:
                    origin[key] = f"{where}.{key}"
                    return value
            return otherwise

        generator = self._generator(merged("generator", ""), origin.get("generator", f"{at}.generator"))
        params: dict[str, Any] = dict(generator.params) if generator else {}
        for _, level in reversed(levels):
            params.update(level.params or {})
        prompt = prompts.of_shot(own, at, self.reader, self.folders)
        boundary = self._boundary(own, merged("boundary"), at, first=first)
        image = self._image(own.image, at, merged("background", "white")) if own.image else None
        model = merged("model") or (generator.model if generator else None)
        if generator:
            origin.setdefault("model", f"{generator.at}.model")
        values = {one.name: merged(one.name, one.default) for one in schema.SHOT_KEYS}
        # `seed: null` at a shot takes back the default of its project.
        values |= {one: None for one in ("seed",) if isinstance(raw, dict) and raw.get(one, 0) is None}
        if generator is None:
            return None
        whole, stopped_before = prompts.with_style(prompt, self.style)
        return Shot(
            name=name,
            slug=slug,
            at=at,
            boundary=boundary,
            image=image,
            generator=generator,
            request=ShotRequest(
                project=self.project,
                sequence=sequence.partition(".")[2],
                shot=name,
                prompt=whole,
                model=model,
                params=params,
                **values,
            ),
            origin=origin,
            stopped_before=stopped_before,
        )

    def _generator(self, label: str, key: str) -> GeneratorChoice | None:
        if label not in self.generators:
            labels = [known for known in self.generators if known]
            allowed = " ".join(filter(None, (nearest(label, labels), f"generators has: {listed(labels)}")))
            self.reader.problem(key, "there is no generator with this label", value=label, allowed=allowed)
            return self.generators[""]
        return self.generators[label]

    def _boundary(self, own: schema.OwnKeys, merged: str | None, at: str, *, first: bool) -> Boundary:
        if own.boundary is None:
            if own.image:
                return Boundary.IMAGE
            boundary = Boundary(merged or "chain")
            # A default can only speak for the shots that have one before them.
            if first and boundary is Boundary.CHAIN:
                return Boundary.CUT
        else:
            boundary = Boundary(own.boundary)
        if first and boundary is Boundary.CHAIN:
            self.reader.problem(
                f"{at}.boundary", "the first shot has none before it", value="chain", allowed="cut, or image"
            )
        if boundary is Boundary.IMAGE and not own.image:
            self.reader.problem(
                f"{at}.image", "is required where the boundary is image", allowed="an image file"
            )
        if boundary is not Boundary.IMAGE and own.image:
            self.reader.problem(
                f"{at}.boundary",
                "an image is given, and would not be used",
                value=str(boundary),
                allowed="image",
            )
        return boundary

    def _image(self, text: str, at: str, background: str) -> GivenImage | None:
        """Look beside the file that names the image, then in the working folder; or fetch it from its URL."""
        from runner.media import picture

        key = f"{at}.image"
        try:
            if remote_images.is_url(text):
                host = host_of(text)
                if is_local(host) and host not in self.trust.hosts and self.reader.origins.untrusted(key):
                    allowed = f"an image on the internet; or trust.hosts=[{host}] on the command line"
                    self.reader.problem(
                        key, "is on this machine itself", value=shown_url(text), allowed=allowed
                    )
                    return None
                path, fetched = Path(remote_images.name_of(text)), remote_images.fetch(text)
            else:
                found_at = self._file(text, key)
                if found_at is None:
                    return None
                path, fetched = found_at, None
            data = path.read_bytes() if fetched is None else fetched
            adopted = picture.adopt(data, name=path.name, background=rgb_of(background))
        except FetchFailed as error:
            self.reader.problem(key, "the image cannot be fetched", value=shown_url(text), allowed=error.why)
            return None
        except MediaError as error:
            self.reader.problem(key, error.what, value=text, allowed=error.why)
            return None
        except (OSError, RuntimeError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            self.reader.problem(key, f"cannot be read: {why}", value=text)
            return None
        found = adopted.image
        return GivenImage(
            path=path,
            sha256=found.sha256,
            format=found.format,
            size=len(found.data),
            width=found.width,
            height=found.height,
            background=background,
            notes=adopted.notes,
            fetched=fetched,
        )

    def _file(self, text: str, key: str) -> Path | None:
        setter = self.reader.origins.file_of(key)
        beside = [setter.parent] if setter is not None else []
        places = [folder / Path(text).expanduser() for folder in (*beside, self.folders[0])]
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            looked = " and ".join(dict.fromkeys(str(place.absolute()) for place in places))
            self.reader.problem(key, "there is no such file", value=text, allowed=f"looked for {looked}")
        elif self.reader.origins.untrusted(key) and not trust.is_below(path, (*beside, *self.folders)):
            allowed = "a file below it, or an absolute path on the command line"
            self.reader.problem(key, "is outside of the project's folder", value=text, allowed=allowed)
            return None
        return path
