"""What comes in and goes out as JSON: the bases of all pydantic schemas, and how they are read.

JSON has types and its booleans and numbers are taken as such; query strings and forms have only
text, which is read as the type that is wanted.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from webapp.core import clock
from webapp.core.added_fields import complete
from webapp.core.errors import Invalid, validation_errors

#: a time that somebody gives, in UTC; without a zone it is UTC
Moment = Annotated[datetime, AfterValidator(clock.in_utc)]


def _first_moment(value: object) -> object:
    return _moment(value, time.min)


def _last_moment(value: object) -> object:
    return _moment(value, time.max)


def _moment(value: object, at: time) -> object:
    if not isinstance(value, str):
        return value
    # A "+" that nobody encoded arrives as a space.
    text = value.strip().replace(" ", "+") if "T" in value else value.strip()
    if not text:
        return None
    try:
        if len(text) == len("2026-01-31"):
            return datetime.combine(date.fromisoformat(text), at, UTC)
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("must be a date or a time in ISO 8601") from error
    return clock.in_utc(moment)


#: where a time range of a query begins and ends: a day without a time means all of it, a time
#: without a zone is UTC, "" is none
FirstMoment = Annotated[datetime | None, BeforeValidator(_first_moment)]
LastMoment = Annotated[datetime | None, BeforeValidator(_last_moment)]

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Shaped:
    """In a text's annotation: it matches a pattern as a whole, and `words` say what that means.

    The API's document has the pattern, a refusal the words: "1 to 64 letters or digits". It stands
    behind the `Field` of the annotation.
    """

    pattern: str
    words: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(schema) | {"pattern": self.pattern}

    def _check(self, value: str) -> str:
        if not re.fullmatch(self.pattern, value, re.ASCII):
            raise misshaped(self.words)
        return value


def misshaped(words: str) -> PydanticCustomError:
    """That a text is not of the shape that `words` describe; the code is pydantic's own."""
    return PydanticCustomError("string_pattern_mismatch", "Must be {words}", {"words": words})


MAX_DEPTH = 64
#: pydantic takes true for 1, 0 for false and "5" for 5 in these, unless they are strict
_PLAIN_TYPES = ("bool", "int", "float")


def _be_strict(schema: Any) -> None:
    if isinstance(schema, dict):
        if schema.get("type") in _PLAIN_TYPES:
            schema["strict"] = True
        for name, part in schema.items():
            if name not in ("metadata", "default"):
                _be_strict(part)
    elif isinstance(schema, list | tuple):
        for part in schema:
            _be_strict(part)


class Schema(BaseModel):
    """A schema that costs nothing before it is used: a process uses few of them."""

    model_config = ConfigDict(defer_build=True)


class Strict(Schema):
    """A schema whose booleans and numbers are those of JSON, in whatever they are nested."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        _be_strict(schema)
        return schema


class RequestModel(Strict):
    """A request body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


class Query(Strict):
    """A query string: unknown parameters are left alone."""

    model_config = ConfigDict(extra="ignore")


class ResponseModel(Schema):
    """A response, read from an object's attributes or from a mapping."""

    model_config = ConfigDict(from_attributes=True)


class FieldError(BaseModel):
    field: str
    message: str
    code: str


class Problem(BaseModel):
    """An RFC 9457 problem: what was refused, why, and what to do next."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[FieldError] | None = None
    extras: dict[str, Any] | None = None
    suggestions: list[str] | None = None


def from_json(text: str | bytes) -> Any:
    """JSON as the database can keep it: no NaN, no NUL, no lone surrogates, bounded depth.

    Raises ValueError on what is no JSON, Invalid on what JSON allows and nothing here can hold.
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    _check(value, "body")
    return value


def read(schema: type[M], value: Any) -> M:
    """`value`, of JSON or of our own making, as the schema has it; Invalid names what is wrong."""
    try:
        return complete(schema).model_validate(value)
    except ValidationError as error:
        raise refusal(error) from error


def read_text(schema: type[M], values: Mapping[str, Any]) -> M:
    """A query string or a form, whose values are text; Invalid names what is wrong."""
    try:
        return complete(schema).model_validate_strings(dict(values))
    except ValidationError as error:
        raise refusal(error) from error


def refusal(error: ValidationError) -> Invalid:
    """What pydantic refused, as a refusal of ours: the first three in its sentence, all listed."""
    errors = validation_errors(error)
    sentences = [
        item["message"] if item["field"] == "body" else f"{item['field']}: {item['message']}"
        for item in errors
    ]
    return Invalid("; ".join(sentences[:3]), field=errors[0]["field"], errors=errors)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is too large for a number")
    return number


def _check(value: Any, path: str, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, str):
        if "\x00" in value or (not value.isascii() and _has_surrogate(value)):
            raise Invalid(f"{path} holds characters that are not text.", field=path)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check(key, f"{path}.{key[:40]!r}", depth + 1)
            _check(item, f"{path}.{key[:40]}".removeprefix("body."), depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check(item, f"{path}.{index}", depth + 1)
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise Invalid(f"{path} is a number out of range.", field=path)


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
