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
    match task.rule.result:
        case "snake_case":
            return compact({"result_urls": task.urls})
        case "under_data":
            return compact({"data": urls})
        case "snake_under_data":
            return compact({"data": {"result_urls": task.urls}})
        case "object":
            return urls
        case "empty_urls":
            return compact({"resultUrls": []})
        case "empty_object":
            return "{}"
        case "empty_string":
            return ""
        case "bad_json":
            return compact(urls)[:-3]
        case _:
            return compact(urls)
