"""AddedFields: what a feature adds to a schema of a feature above it, which does not know it.

AddedFields(AgentResponse, CoverageFields)               # a contribution of the feature below
complete(AgentResponse)                                  # the schema as this application has it
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import reduce
from operator import or_
from threading import RLock
from types import UnionType
from typing import Any, TypeVar, cast, get_args, get_origin

from flask import Flask, current_app
from pydantic import BaseModel, create_model

from webapp.core.feature import contributions

M = TypeVar("M", bound=BaseModel)

#: where an application keeps its schemas
KEY = "callboard-schemas"
#: nobody may meet a schema that another thread is still completing
_lock = RLock()


@dataclass(frozen=True)
class AddedFields:
    """Fields for a schema, and for all that inherit it or hold it in a field of theirs."""

    schema: type[BaseModel]
    fields: type[BaseModel]


def complete(schema: type[M], app: Flask | None = None) -> type[M]:
    """The schema with the fields that the features of an application add; else itself.

    The outcome has the same name, is a subclass of the schema and of what was added, and is
    complete itself.
    """
    application = app or current_app
    known: dict[type[BaseModel], type[BaseModel]] = application.extensions.setdefault(KEY, {})
    with _lock:
        if schema not in known:
            # For now, because a schema may hold itself.
            known[schema] = schema
            known[schema] = _make(schema, application)
            known[known[schema]] = known[schema]
        return cast("type[M]", known[schema])


def _make(schema: type[BaseModel], app: Flask) -> type[BaseModel]:
    added = [
        item.fields for item in contributions(AddedFields, app) if issubclass(schema, item.schema)
    ]
    held: dict[str, Any] = {}
    for name, field in schema.model_fields.items():
        annotation = _complete_type(field.annotation, app)
        if annotation != field.annotation:
            held[name] = (annotation, copy(field))
    if not added and not held:
        return schema
    # The schema itself comes last, so that its own configuration holds.
    bases = (*added, schema)
    return create_model(
        schema.__name__,
        __base__=bases,
        __module__=schema.__module__,
        __doc__=schema.__doc__,
        **held,
    )


def _complete_type(annotation: Any, app: Flask) -> Any:
    """A field's type, with schemas in it completed."""
    arguments = get_args(annotation)
    if not arguments:
        is_schema = isinstance(annotation, type) and issubclass(annotation, BaseModel)
        return complete(annotation, app) if is_schema else annotation
    completed = tuple(_complete_type(argument, app) for argument in arguments)
    if completed == arguments:
        return annotation
    origin = get_origin(annotation)
    return reduce(or_, completed) if origin is UnionType else origin[completed]
