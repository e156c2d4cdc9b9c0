"""Templates to pages. All that they are given is escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jinja2
from starlette.responses import HTMLResponse, Response

from runner.money import dollars, from_usd
from runner.outgoing import outgoing

if TYPE_CHECKING:
    from runner.errors import RunnerError

_TEMPLATES: Final = Path(__file__).parent / "templates"


def of_error(error: RunnerError, status: int) -> Response:
    """An error as a page."""
    return page("error.html", status, title="Error", error=error, problems=getattr(error, "problems", ()))


def page(template: str, status: int = 200, **values: Any) -> Response:
    """The page that a template makes of `values`."""
    return HTMLResponse(outgoing(_templates().get_template(template).render(values)), status)


@cache
def _templates() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["usd"] = lambda usd: "?" if usd is None else "free" if not usd else dollars(from_usd(usd))
    return made
