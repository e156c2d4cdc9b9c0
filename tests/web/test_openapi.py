"""The OpenAPI document: valid, complete, and what the server really answers, asked by schemathesis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from starlette.routing import Route

from runner.web import openapi
from runner.web.endpoints import Api
from runner.web.requested import SECTIONS
from tests.web.site import DEADLINE_S, Server, free_film, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = 15
STREAMS = ("/api/changes",)


def test_every_endpoint_is_in_the_document() -> None:
    class Nothing:
        jobs = root = None

    routes = Api(Nothing()).routes()  # type: ignore[arg-type]
    served = {
        (route.path.replace(":path", ""), method.lower())
        for route in routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    written = {(path, method) for path, item in openapi.document()["paths"].items() for method in item}

    assert written == served


def test_every_reference_leads_somewhere() -> None:
    document = openapi.document()
    names = set(document["components"]["schemas"])
    used = set(_references(document))

    assert used <= {f"#/components/schemas/{name}" for name in names}
    assert document["openapi"].startswith("3.1")
    assert set(document["components"]["schemas"]["WholeProject"]["properties"]) == set(SECTIONS)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a job and a run, that buys nothing."""
    with opened(tmp_path_factory.mktemp("openapi") / "site") as site:
        started = site.serve("--max-cost", "0", "--max-shots", "3", "--max-jobs", "3")
        started.ended(started.post(free_film()).json()["id"])
        yield started


# What is made up by a schema reaches the planner or not: all that counts is that the answer is one of the document's.
_document = schemathesis.openapi.from_dict(openapi.document())


@_document.exclude(path=list(STREAMS)).parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_sent_the_answer_is_one_of_the_document(case: schemathesis.Case, server: Server) -> None:
    answer = case.call(base_url=server.url, timeout=DEADLINE_S)

    case.validate_response(
        answer,
        checks=[
            schemathesis.checks.not_a_server_error,
            schemathesis.specs.openapi.checks.status_code_conformance,
            schemathesis.specs.openapi.checks.content_type_conformance,
            schemathesis.specs.openapi.checks.response_schema_conformance,
        ],
    )
    assert "Traceback" not in answer.text
