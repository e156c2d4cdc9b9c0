"""The catalogue of models and the price feed. Prices are those that the emulator bills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from . import prices
from .models import all_models
from .wire import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .model import Model
    from .prices import Row

_PAGE: Final = 100


def models() -> dict[str, Any]:
    """The `data` of /api/v1/models. Those that are paused are not in it."""
    listed = [_entry(model) for model in all_models().values() if not model.legacy_sora]
    return {"total": len(listed), "models": listed}


def about(name: str, what: str) -> dict[str, Any]:
    """The `data` of /api/v1/models/NAME/schema, /price and /success-rate. The shape of the last two is ours."""
    model = all_models().get(name)
    if model is None:
        raise Refused(404, "Model not found")
    match what:
        case "schema":
            return {"model": name, "openapi": None}
        case "price":
            return {"model": name, "pricingDesc": _pricing(name)}
        case _:
            return {"model": name, "successRate": 1.0}


def prices_page(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The `data` of the price feed: one page of it."""
    wanted = str(asked.get("modelDescription") or "").lower()
    records = [
        _record(name, row)
        for name, rows in prices.price_list().items()
        if not all_models()[name].legacy_sora
        for row in rows
        if wanted in f"{name}, {_when(row)}".lower()
    ]
    size = _count(asked.get("pageSize"), _PAGE)
    start = (_count(asked.get("pageNum"), 1) - 1) * size
    return {
        "total": len(records),
        "pages": -(-len(records) // size),
        "records": records[start : start + size],
    }


def _entry(model: Model) -> dict[str, Any]:
    kind = "image-to-video" if model.first else "text-to-video"
    return {
        "model": model.name,
        "slug": model.name.replace("/", "-").replace(".", "-"),
        "title": model.name,
        "provider": model.name.partition("/")[0],
        "taskType": [kind],
        "description": "",
        "pricingDesc": _pricing(model.name),
    }


def _pricing(name: str) -> str:
    return "; ".join(
        f"{_when(row)}: {row.credits} credits per {row.per}" for row in prices.price_list().get(name, ())
    )


def _record(name: str, row: Row) -> dict[str, Any]:
    return {
        "modelDescription": f"{name}, {_when(row)}",
        "interfaceType": "video",
        "provider": name.partition("/")[0],
        "creditPrice": f"{row.credits:,}",
        "creditUnit": f"per {row.per}",
        "usdPrice": f"{row.credits * prices.USD:f}",
        "falPrice": "",
        "discountRate": "",
        "anchor": f"https://kie.ai/market?model={name}",
    }


def _when(row: Row) -> str:
    parts = [
        row.resolution,
        f"{row.duration_s}s" if row.duration_s else "",
        "" if row.audio is None else "with audio" if row.audio else "without audio",
        f"{row.field} {row.value}" if row.field else "",
        f"without {row.without}" if row.without else "",
    ]
    return ", ".join(filter(None, parts)) or "any"


def _count(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) and value > 0 else otherwise
