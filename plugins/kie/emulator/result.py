"""What `resultJson` holds: mostly a string of JSON with the addresses, and whatever else the script asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .task import compact

if TYPE_CHECKING:
    from .task import Task


def result_json(task: Task) -> Any:
    """The value of the field for a task that succeeded, with its addresses in `task.urls`."""
    urls: dict[str, Any] = {"resultUrls": task.urls}
    if task.model.legacy_sora:
        urls["resultWaterMarkUrls"] = task.urls
    shapes: dict[str, Any] = {
        "snake_case": compact({"result_urls": task.urls}),
        "under_data": compact({"data": urls}),
        "snake_under_data": compact({"data": {"result_urls": task.urls}}),
        "object": urls,
        "empty_urls": compact({"resultUrls": []}),
        "empty_object": "{}",
        "empty_string": "",
        "bad_json": compact(urls)[:-3],
    }
    return shapes.get(task.rule.result, compact(urls))
