"""The OpenAPI 3.1 document. Its schemas are those of the types that requests are read into and answers made of."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter

from runner import __version__
from runner.config import film_keys, metric_keys, schema
from runner.config.check_keys import Checks
from runner.web import choices, views
from runner.web.problems import MEDIA_TYPE, ProblemDetails
from runner.web.requested import LONGEST_TEXT, MOST_OVERRIDES, SECTIONS

_SECTIONS: Final[dict[str, Any]] = {
    "project": schema.ProjectKeys,
    "shot": schema.ShotDefaults,
    "continuity": schema.Continuity,
    "film": film_keys.Film,
    "budget": schema.BudgetKeys,
    "checks": Checks,
    "metrics": metric_keys.Metrics,
}
_ANSWERS: Final = (
    *(views.ProjectView, views.PlanView, views.JobView, views.RunView, choices.Choice, ProblemDetails),
)
_ID: Final = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "Of a job.",
    "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
}
_FOLDER: Final = {
    "name": "folder",
    "in": "path",
    "required": True,
    "description": "A run folder below the outputs root; its slashes may stand as they are.",
    "schema": {"type": "string", "minLength": 1},
}
_LAST_EVENT: Final = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The id of the last event that arrived: what came after it is sent.",
    "schema": {"type": "string"},
}


@cache
def document() -> dict[str, Any]:
    """The whole document, as JSON has it. Do not change it."""
    schemas: dict[str, Any] = {}
    for one in _ANSWERS:
        _add(schemas, one.__name__, one)
    for name, one in _SECTIONS.items():
        _add(schemas, f"{name.capitalize()}Section", one)
    _add(schemas, "ShotKeys", schema.ShotKeys)
    schemas |= _requests()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "film runner",
            "version": __version__,
            "description": "Films from YAML: each shot is a paid generation that starts where the one before it ended.",
        },
        "paths": _paths(),
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _add(schemas: dict[str, Any], name: str, of: Any) -> None:
    made = TypeAdapter(of).json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(made.pop("$defs", {}))
    # Values are named and typed; what is required is what has no default.
    schemas[name] = {**made, "title": name}


def _requests() -> dict[str, Any]:
    """What may be asked for: a project's name with overrides, or a project as its file has it."""
    profile = {"type": "string", "description": "The name of a profile."}
    generator = {
        "oneOf": [
            profile,
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "profile": profile,
                    "model": {"type": "string"},
                    "params": {"type": "object"},
                },
            },
        ]
    }
    shots = {"type": "object", "additionalProperties": _ref("ShotKeys"), "minProperties": 1}
    sequence = {
        "type": "object",
        "additionalProperties": False,
        "required": ["shots"],
        "properties": {"shot": _ref("ShotSection"), "shots": shots},
    }
    properties: dict[str, Any] = {name: _ref(f"{name.capitalize()}Section") for name in _SECTIONS}
    properties |= {
        "sequences": {"type": "object", "additionalProperties": sequence, "minProperties": 1},
        "generator": generator,
        "generators": {"type": "object", "additionalProperties": generator},
        "uploader": profile,
        "extractor": profile,
    }
    return {
        "NamedProject": {
            "type": "object",
            "additionalProperties": False,
            "required": ["project"],
            "properties": {
                "project": {"type": "string", "description": "A project of the server: see /api/projects."},
                "overrides": {
                    "type": "array",
                    "maxItems": MOST_OVERRIDES,
                    "items": {"type": "string", "maxLength": LONGEST_TEXT},
                    "description": "KEY=VALUE, as on the command line; GROUP=NAME chooses a profile.",
                },
            },
        },
        "WholeProject": {
            "type": "object",
            "additionalProperties": False,
            "required": ["project", "sequences"],
            "properties": {name: properties[name] for name in SECTIONS},
        },
        "Request": {"oneOf": [_ref("NamedProject"), _ref("WholeProject")]},
    }


def _paths() -> dict[str, Any]:
    request = {
        "required": True,
        "content": {kind: {"schema": _ref("Request")} for kind in ("application/json", "application/yaml")},
    }
    choice = {"required": True, "content": {"application/json": {"schema": _ref("Choice")}}}
    query = [
        {"name": "project", "in": "query", "required": True, "schema": {"type": "string"}},
        {"name": "override", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
    ]
    job, plan = _answer("The job", _ref("JobView")), _answer("The plan", _ref("PlanView"))
    stream = {
        "description": "Server-sent events",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
    accepted = {
        "202": {**job, "description": "Accepted. It is on disk, and survives a restart of the server."},
        "200": {**job, "description": "The same request was there, and has ended. Nothing is run again."},
    }
    return {
        "/api/create_videos": {
            "post": _operation(
                "Make the films of a project. The same request again is the same job.",
                {**accepted, **_errors(400, 402, 408, 413, 415, 422, 429, 503)},
                body=request,
            )
        },
        "/api/plan": {
            "post": _operation(
                "What a request would do and cost. Nothing is bought.",
                {"200": plan, **_errors(400, 402, 408, 413, 415, 422, 503)},
                body=request,
            ),
            "get": _operation(
                "The same for a project of the server.",
                {"200": plan, **_errors(402, 422, 503)},
                query,
            ),
        },
        "/api/projects": {"get": _listed("The projects that a request may name.", "ProjectView")},
        "/api/jobs": {"get": _listed("The jobs, the newest first.", "JobView")},
        "/api/jobs/{id}": {
            "get": _operation("A job and its shots.", {"200": job, **_errors(404)}, [_ID]),
        },
        "/api/jobs/{id}/events": {
            "get": _operation(
                "What happens in a job: `run` (an event of its run), `state` (the job), `end`.",
                {"200": stream, **_errors(404, 503)},
                [_ID, _LAST_EVENT],
            )
        },
        "/api/jobs/{id}/cancel": {
            "post": _operation(
                "End a job early. What was begun is not lost: resume goes on.",
                {"200": job, **_errors(404, 409)},
                [_ID],
            )
        },
        "/api/jobs/{id}/resume": {
            "post": _operation(
                "Go on with a job that failed, was cancelled, or waits. Its clips are reused.",
                {"202": job, **_errors(402, 404, 409, 422, 429, 503)},
                [_ID],
            )
        },
        "/api/runs": {
            "get": _listed(
                "The runs below the outputs root, of this server and of other processes.", "RunView"
            )
        },
        "/api/runs/{folder}": {
            "get": _operation(
                "The report of a run.",
                {"200": _answer("The report", {"type": "object"}), **_errors(404, 409)},
                [_FOLDER],
            )
        },
        "/api/runs/{folder}/events": {
            "get": _operation(
                "What happens in a run: `run`, `state`, `end`.",
                {"200": stream, **_errors(404, 503)},
                [_FOLDER, _LAST_EVENT],
            )
        },
        "/api/choices": {
            "post": _operation(
                "Accept, reject, star or unstar the clip of a shot.",
                {
                    "200": _answer(
                        "The choice", {"type": "object", "additionalProperties": {"type": "string"}}
                    ),
                    **_errors(400, 404, 408, 409, 413, 415, 422, 503),
                },
                body=choice,
            )
        },
        "/api/choices.csv": {
            "get": _operation(
                "All choices, as a table.",
                {
                    "200": {"description": "CSV", "content": {"text/csv": {"schema": {"type": "string"}}}},
                    **_errors(503),
                },
            )
        },
        "/api/changes": {
            "get": _operation(
                "`changed`, whenever a run or a job is not as it was.", {"200": stream, **_errors(503)}
            )
        },
        "/api/openapi.json": {
            "get": _operation("This document.", {"200": _answer("OpenAPI 3.1", {"type": "object"})})
        },
    }


def _operation(
    summary: str,
    responses: dict[str, Any],
    parameters: list[Any] | None = None,
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    found: dict[str, Any] = {"summary": summary, "responses": {**responses, **_errors(401, 403, 421)}}
    if parameters:
        found["parameters"] = parameters
    if body:
        found["requestBody"] = body
    return found


def _listed(summary: str, view: str) -> dict[str, Any]:
    return _operation(summary, {"200": _answer("All of them", {"type": "array", "items": _ref(view)})})


def _answer(about: str, of: dict[str, Any]) -> dict[str, Any]:
    return {"description": about, "content": {"application/json": {"schema": of}}}


def _errors(*statuses: int) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": _ref("ProblemDetails")}}
    return {str(status): {"description": _MEANING[status], "content": content} for status in statuses}


_MEANING: Final = {
    400: "The body cannot be read.",
    401: "A token is needed.",
    402: "It costs more than the request, its budget or the server allows.",
    403: "The request comes from another site.",
    404: "There is none.",
    408: "The body took too long.",
    409: "It is not possible as things stand.",
    413: "The body is too large.",
    415: "The body is of another type.",
    421: "The Host header names another server.",
    422: "The request cannot be made into a film. All problems are listed, by their dotted keys.",
    429: "Too many jobs are queued.",
    503: "The outputs root cannot be used now.",
}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
