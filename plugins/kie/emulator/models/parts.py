"""Fields that many models share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ..field import Field, Kind

if TYPE_CHECKING:
    from ..model import Model

S3: Final = ("16:9", "9:16", "1:1")
S5: Final = (*S3, "4:3", "3:4")


def prompt(high: int | None, *, low: int = 1, required: bool = True, missing: str = "") -> Field:
    return Field(name="prompt", kind=Kind.TEXT, required=required, missing=missing, low=low, high=high)


def url(name: str, *, required: bool = False, missing: str = "") -> Field:
    return Field(name=name, kind=Kind.URL, required=required, missing=missing)


def urls(name: str, high: int, *, low: int | None = None, required: bool = False, missing: str = "") -> Field:
    return Field(name=name, kind=Kind.URLS, required=required, missing=missing, low=low, high=high)


def choice(
    name: str, *choices: object, required: bool = False, default: object = None, missing: str = ""
) -> Field:
    """One of these values; the type is that of the first."""
    kind = Kind.TEXT if isinstance(choices[0], str) else Kind.NUMBER
    return Field(name=name, kind=kind, required=required, missing=missing, choices=choices, default=default)


def seconds(
    low: int, high: int, *, default: int | None = None, required: bool = False, missing: str = ""
) -> Field:
    """A duration as an integer."""
    return Field(
        name="duration",
        kind=Kind.INTEGER,
        required=required,
        missing=missing,
        low=low,
        high=high,
        default=default,
    )


def seconds_text(
    low: int, high: int, *, default: int | None = None, required: bool = False, missing: str = ""
) -> Field:
    """A duration as a string."""
    return Field(
        name="duration",
        kind=Kind.DIGITS,
        required=required,
        missing=missing,
        low=low,
        high=high,
        default=None if default is None else str(default),
    )


def flag(name: str, *, required: bool = False, default: bool | None = None, missing: str = "") -> Field:
    return Field(name=name, kind=Kind.FLAG, required=required, default=default, missing=missing)


def ratio(*choices: str, required: bool = False, default: str | None = None, missing: str = "") -> Field:
    return choice("aspect_ratio", *choices, required=required, default=default, missing=missing)


def twin(model: Model, name: str, *more: Field, without: tuple[str, ...] = ()) -> Model:
    """The text-to-video model of a family; `more` are the fields that it has of its own.

    Its aspect ratios are a guess where it is given none: those that all families have.
    """
    fields = [
        field
        for field in model.fields
        if field.kind not in (Kind.URL, Kind.URLS) and field.name not in without
    ]
    names = {field.name for field in (*fields, *more)}
    if not names & {"aspect_ratio", "ratio"}:
        fields.append(ratio(*S3))
    return replace(
        model,
        name=name,
        fields=(*fields, *more),
        first="",
        last="",
        clip="",
        task="",
        any_of=(),
        joint=(),
        needs=(),
        text_trap=False,
    )
