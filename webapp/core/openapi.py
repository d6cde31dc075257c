"""`/openapi.json`: what the API's views say of themselves, as one OpenAPI 3.1 document.

`@bp.input`, `@bp.output` and `@bp.doc` leave their words on a view, `@requires` and `@public` say
who may use it. Schemas are pydantic's, each under one name; what the views cannot say (sockets)
is a `SocketDocument`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from apiflask import APIBlueprint, APIFlask
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from werkzeug.routing import Rule

from webapp.core.added_fields import complete
from webapp.core.errors import PROBLEM
from webapp.core.examples import example_of
from webapp.core.feature import contributions
from webapp.core.schemas import Problem, ResponseModel

BASE = "/api/v1"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
REF = "#/components/schemas/{model}"
SECURITY_SCHEMES: dict[str, Any] = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "Bearer": {"type": "http", "scheme": "bearer"},
    "Session": {"type": "apiKey", "in": "cookie", "name": "session"},
}
DESCRIPTION = """\
Define agents, ground them in documents, run them and watch them.

Errors are RFC 9457 problems (`application/problem+json`); their `code` is stable and explained in
`docs/errors.md`. A list is a bare array with `X-Total-Count` and, where there is more, a `Link`.
"""
_CONVERTERS: dict[str, dict[str, Any]] = {
    "uuid": {"type": "string", "format": "uuid"},
    "int": {"type": "integer", "minimum": 0},
    "default": {"type": "string"},
}
_LIST_HEADERS = {
    "X-Total-Count": {
        "required": True,
        "description": "How many there are on all pages",
        "schema": {"type": "integer"},
    },
    "Link": {"description": "The next page, with rel=next", "schema": {"type": "string"}},
}

Mode = Literal["validation", "serialization"]


@dataclass(frozen=True)
class PathParameter:
    """What a part of addresses stands for, in a sentence; wherever it has this name."""

    name: str
    description: str


@dataclass(frozen=True)
class SocketDocument:
    """What a feature says of a WebSocket: what a client may send, and each event that it sends.

    `sends` has the events by name; `example` is a conversation: pairs of who speaks ("client",
    "server") and what it says.
    """

    path: str
    operation_id: str
    summary: str
    receives: type[BaseModel] | None
    sends: Mapping[str, str]
    example: Sequence[tuple[str, Any]]

    @property
    def described(self) -> dict[str, Any]:
        return {
            "operationId": self.operation_id,
            "summary": self.summary,
            "security": _security(is_public=False),
            "receives": self.receives,
            "sends": dict(self.sends),
            "example": [{"from": speaker, "message": message} for speaker, message in self.example],
        }


def describe(app: APIFlask) -> dict[str, Any]:
    """The document of an application, ready to be sent."""
    document = _Document(app)
    paths = {path: dict(operations) for path, operations in document.paths()}
    sockets = document.sockets()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": app.title,
            "version": app.version,
            "description": DESCRIPTION + _sockets_in_words(sockets),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": app.config["APPLICATION_ROOT"], "description": "This installation"}],
        "tags": [{"name": name} for name in document.tags],
        "paths": paths,
        "x-websockets": sockets,
        "components": {
            "schemas": document.schemas,
            "responses": _problem_responses(document.schemas),
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


class _Schemas(GenerateJsonSchema):
    """JSON Schema without titles of fields, which generators would take for names of types."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class _Document:
    """The parts of the document, from the routes of an application."""

    def __init__(self, app: APIFlask) -> None:
        self.app = app
        self.tags: list[str] = []
        self.rules = [rule for rule in app.url_map.iter_rules() if self._is_documented(rule)]
        self.rules.sort(key=lambda rule: rule.rule)
        described = contributions(PathParameter, app)
        self._path_parameters = {item.name: item.description for item in described}
        self._define(set(self._models()))

    def paths(self) -> Iterator[tuple[str, Iterator[tuple[str, Any]]]]:
        """Every path with its operations, by method."""
        for path in dict.fromkeys(rule.rule for rule in self.rules):
            rules = [rule for rule in self.rules if rule.rule == path]
            yield (
                re.sub(r"<(?:[^<:]+:)?([^>]+)>", r"{\1}", path),
                (
                    (method.lower(), self._operation(rule))
                    for method in METHODS
                    for rule in rules
                    if method in (rule.methods or ())
                ),
            )

    def sockets(self) -> dict[str, Any]:
        """The sockets by path, with references to their schemas."""
        known = {item.path: item.described for item in contributions(SocketDocument, self.app)}
        return {
            path: socket
            | ({"receives": self._schema(socket["receives"])} if socket["receives"] else {})
            for path, socket in known.items()
        }

    def _is_documented(self, rule: Rule) -> bool:
        blueprint = self.app.blueprints.get(rule.endpoint.rpartition(".")[0])
        return isinstance(blueprint, APIBlueprint) and rule.rule.startswith(BASE)

    def _spec(self, rule: Rule) -> dict[str, Any]:
        spec: dict[str, Any] = getattr(self.app.view_functions[rule.endpoint], "_spec", {})
        return spec

    def _models(self) -> Iterator[type[BaseModel]]:
        """Every schema that the views and sockets name."""
        for rule in self.rules:
            spec = self._spec(rule)
            yield from (model for model, _ in spec.get("args", []))
            yield from _classes_in([spec.get("body"), spec.get("response"), spec.get("responses")])
            yield from _classes_in(spec.get("extensions"))
        for socket in contributions(SocketDocument, self.app):
            yield from _classes_in(socket.receives)
        yield Problem

    def _define(self, models: set[type[BaseModel]]) -> None:
        completed = {
            complete(model, self.app): model
            for model in sorted(models, key=lambda m: m.__qualname__)
        }
        inputs = [(model, _mode(model)) for model in completed]
        references, document = models_json_schema(
            inputs, ref_template=REF, schema_generator=_Schemas
        )
        names = {name: _component_name(name) for name in document["$defs"]}
        if len(set(names.values())) < len(names):
            raise RuntimeError(f"Two schemas have the same name: {sorted(names.values())}")
        schemas = {
            names[name]: _renamed(schema, names) | {"title": names[name]}
            for name, schema in document["$defs"].items()
        }
        self._references = {
            schema: _renamed(references[(model, _mode(model))], names)
            for model, schema in completed.items()
        }
        queries = {model for rule in self.rules for model, _ in self._spec(rule).get("args", [])}
        self._queries = {model: schemas[self._name(model)] for model in queries}
        for model in queries:
            schemas.pop(self._name(model), None)
        self.schemas = dict(sorted(schemas.items()))

    def _name(self, model: type[BaseModel]) -> str:
        return str(self._references[model]["$ref"]).rpartition("/")[2]

    def _schema(self, schema: Any) -> Any:
        """A schema of the views, which may hold pydantic's classes, as the document has it."""
        if isinstance(schema, type) and issubclass(schema, BaseModel):
            return self._references[schema]
        if isinstance(schema, Mapping):
            return {name: self._schema(part) for name, part in schema.items()}
        if isinstance(schema, list):
            return [self._schema(part) for part in schema]
        return schema

    def _operation(self, rule: Rule) -> dict[str, Any]:
        view = self.app.view_functions[rule.endpoint]
        spec = self._spec(rule)
        is_public = getattr(view, "required_permission", None) is None
        summary, _, description = (view.__doc__ or "").strip().partition("\n")
        blueprint: Any = self.app.blueprints[rule.endpoint.rpartition(".")[0]]
        if blueprint.tag not in self.tags:
            self.tags.append(blueprint.tag)
        operation: dict[str, Any] = {
            "operationId": spec.get("operation_id") or rule.endpoint,
            "summary": summary.strip(),
            "tags": [blueprint.tag],
            "parameters": [*self._path_parameters_of(rule), *self._query_parameters(spec)],
            "security": _security(is_public=is_public),
        }
        if description.strip():
            operation["description"] = re.sub(r"\n +", "\n", description.strip())
        extensions = spec.get("extensions") or {}
        operation["parameters"] += extensions.get("x-parameters", [])
        if body := self._body(spec, extensions):
            operation["requestBody"] = body
        operation["responses"] = self._responses(rule, spec, operation, is_public=is_public)
        return operation

    def _path_parameters_of(self, rule: Rule) -> Iterator[dict[str, Any]]:
        for converter, name in re.findall(r"<(?:([^<:>]+):)?([^>]+)>", rule.rule):
            description = self._path_parameters.get(name)
            yield {
                "name": name,
                "in": "path",
                "required": True,
                "schema": _CONVERTERS[converter or "default"],
            } | ({"description": description} if description else {})

    def _query_parameters(self, spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for model, location in spec.get("args", []):
            schema = self._queries[model]
            for name, field in schema.get("properties", {}).items():
                field = dict(field)
                description = field.pop("description", None)
                yield {
                    "name": name,
                    "in": location,
                    "required": name in schema.get("required", []),
                    "schema": field,
                } | ({"description": description} if description else {})

    def _body(self, spec: dict[str, Any], extensions: dict[str, Any]) -> dict[str, Any] | None:
        content = extensions.get("x-content")
        if content is None and spec.get("body") is None:
            return None
        content = self._schema(content or {"application/json": {"schema": spec["body"]}})
        return {"required": True, "content": self._with_examples(content)}

    def _with_examples(self, content: dict[str, Any]) -> dict[str, Any]:
        return {
            media_type: {"example": example_of(kind["schema"], self.schemas)} | kind
            for media_type, kind in content.items()
        }

    def _responses(
        self, rule: Rule, spec: dict[str, Any], operation: dict[str, Any], *, is_public: bool
    ) -> dict[str, Any]:
        responses: dict[str, Any] = {}
        if output := spec.get("response"):
            schema = self._schema(output["schema"])
            is_list = bool(output.get("schema_adapter_many"))
            if is_list:
                schema = {"type": "array", "items": schema}
            content = self._with_examples({"application/json": {"schema": schema}})
            responses[str(output["status_code"])] = {
                "description": output["description"] or _phrase(output["status_code"]),
                "content": content,
            } | ({"headers": _LIST_HEADERS} if is_list and _has_pages(operation) else {})
        said = spec.get("responses") or {}
        refused = {int(status) for status in said if int(status) >= 400}
        for status, words in said.items() if isinstance(said, dict) else ():
            if int(status) < 400:
                known = responses.setdefault(str(status), {})
                known |= words if isinstance(words, dict) else {"description": words}
                if "content" in known:
                    known["content"] = self._with_examples(self._schema(known["content"]))
        responses = responses or {"200": {"description": "OK"}}
        for status in sorted(refused | _refusals(rule, operation, is_public=is_public)):
            responses[str(status)] = {"$ref": f"#/components/responses/{status}"}
        return dict(sorted(responses.items()))


def _refusals(rule: Rule, operation: dict[str, Any], *, is_public: bool) -> set[int]:
    """The statuses that an operation can really be refused with, whatever it does."""
    statuses = {429, 500, 503}
    if not is_public:
        statuses |= {401, 403}
    if rule.arguments:
        statuses |= {404, 422}
    if operation["parameters"]:
        statuses |= {422}
    if "requestBody" in operation:
        # What a body refers to may be deleted at the same moment.
        statuses |= {400, 409, 413, 415, 422}
    return statuses


def _problem_responses(schemas: dict[str, Any]) -> dict[str, Any]:
    statuses = (400, 401, 403, 404, 405, 409, 412, 413, 414, 415, 422, 429, 431, 500, 503)
    example = example_of({"$ref": REF.format(model="Problem")}, schemas)
    return {
        str(status): {
            "description": _phrase(status),
            "content": {
                PROBLEM: {
                    "schema": {"$ref": REF.format(model="Problem")},
                    "example": example | {"status": status, "title": _phrase(status)},
                }
            },
        }
        for status in statuses
    }


def _has_pages(operation: dict[str, Any]) -> bool:
    return any(parameter["name"] == "offset" for parameter in operation["parameters"])


def _security(*, is_public: bool) -> list[dict[str, list[str]]]:
    return [] if is_public else [{name: []} for name in SECURITY_SCHEMES]


def _mode(model: type[BaseModel]) -> Mode:
    return "serialization" if issubclass(model, ResponseModel) else "validation"


def _phrase(status: int) -> str:
    return HTTPStatus(int(status)).phrase


def _classes_in(words: Any) -> Iterator[type[BaseModel]]:
    if isinstance(words, type) and issubclass(words, BaseModel):
        yield words
    elif isinstance(words, Mapping):
        for part in words.values():
            yield from _classes_in(part)
    elif isinstance(words, list):
        for part in words:
            yield from _classes_in(part)


def _component_name(name: str) -> str:
    """A schema's name; where two have the same, pydantic gives the module, we the feature."""
    if "__" not in name:
        return name
    feature, *_, own = name.removeprefix("webapp__").split("__")
    singular = re.sub(r"s$", "", re.sub(r"ies$", "y", feature))
    return singular.capitalize() + own


def _renamed(schema: Any, names: Mapping[str, str]) -> Any:
    if isinstance(schema, dict):
        return {
            key: REF.format(model=names[part.rpartition("/")[2]])
            if key == "$ref"
            else _renamed(part, names)
            for key, part in schema.items()
        }
    if isinstance(schema, list):
        return [_renamed(part, names) for part in schema]
    return schema


def _sockets_in_words(sockets: dict[str, Any]) -> str:
    """What `x-websockets` says, for readers whose tools leave extensions out."""
    lines = ["\n## WebSockets\n"] if sockets else []
    for path, socket in sockets.items():
        schema = (socket["receives"] or {}).get("$ref", "").rpartition("/")[2]
        sending = f" Send `{schema}` as JSON." if schema else ""
        lines.append(f"`WS {path}`: {socket['summary']}.{sending} Events:\n")
        lines += [f"* `{name}`: {meaning}" for name, meaning in socket["sends"].items()] + [""]
    return "\n".join(lines)
