"""The rating core's values as JSON: amounts as decimal text, times in ISO 8601; and the models that describe them."""

from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, Field, create_model

from rating.administration.base import Page
from rating.export import iso
from rating.money import format_amount

Amount = Annotated[str, Field(description="decimal text in the currency named beside it", examples=["4.500000"])]
Moment = Annotated[str, Field(description="ISO 8601, UTC", examples=["2026-11-22T12:00:00.000000Z"])]


_models: dict[Any, type[BaseModel]] = {}
_pages: dict[Any, type[BaseModel]] = {}


def shape(value: Any) -> Any:
    """A value (a dataclass, a page of them, plain values) as it goes out."""
    if is_dataclass(value) and not isinstance(value, type):
        return dict(_field(name.name, getattr(value, name.name)) for name in fields(value))
    if isinstance(value, dict):
        return dict(_field(str(key), each) for key, each in value.items())
    if isinstance(value, list | tuple):
        return [shape(each) for each in value]
    return value


def _field(name: str, value: Any) -> tuple[str, Any]:
    if name.endswith("_micros"):
        return name.removesuffix("_micros"), None if value is None else format_amount(int(value))
    if name.endswith("_us"):
        return name.removesuffix("_us"), iso(value or None)
    return name, shape(value)


def model_of(kind: Any) -> type[BaseModel]:
    """The model of what ``shape`` makes of a dataclass; the same one each time."""
    if kind in _models:
        return _models[kind]
    members: dict[str, Any] = {}
    for name, annotation in get_type_hints(kind).items():
        members[_field(name, None)[0]] = (_annotation(name, annotation), ...)
    _models[kind] = create_model(kind.__name__, __doc__=kind.__doc__, **members)
    return _models[kind]


def page_of(kind: Any) -> type[BaseModel]:
    """The model of a page of a listing: its items, and where the next page begins."""
    if kind in _pages:
        return _pages[kind]
    items: Any = list[model_of(kind)]  # type: ignore[misc]
    _pages[kind] = create_model(
        f"{kind.__name__}Page",
        items=(items, ...),
        next=(str | None, Field(description="pass it as `after` for the next page; null: this was the last")),
    )
    return _pages[kind]


def _annotation(name: str, annotation: Any) -> Any:
    if name.endswith("_micros"):
        return Amount | None if NoneType in get_args(annotation) else Amount
    if name.endswith("_us"):
        return Moment | None
    return _nested(annotation)


def _nested(annotation: Any) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Page:
        return page_of(arguments[0])
    if origin is tuple:
        return list[_nested(arguments[0])]  # type: ignore[misc]
    if origin in {Union, UnionType}:
        return Union[tuple(_nested(each) for each in arguments)]  # noqa: UP007 - made of a list
    return model_of(annotation) if is_dataclass(annotation) else annotation
