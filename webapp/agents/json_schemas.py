"""Are an agent's input and output schemas good JSON Schema 2020-12? Nothing is ever fetched."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from referencing import Registry
from referencing.exceptions import NoSuchAnchor, PointerToNowhere, Unresolvable
from referencing.jsonschema import DRAFT202012

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_BYTES = 65_536
#: keywords whose schemas apply to the same value: a circle of them never ends
_IN_PLACE = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else")
#: keywords that hold schemas: by name, in a list, one
_MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = (
    "not", "if", "then", "else", "items", "contains", "additionalProperties", "propertyNames",
    "unevaluatedItems", "unevaluatedProperties", "contentSchema",
)  # fmt: skip

Path = tuple[str, ...]
Resolver = Any  # of `referencing`, which gives its type no public name


def check_schema(schema: dict[str, Any]) -> None:
    """Raise ValueError with the path of what is wrong: `properties.n.type: …`.

    Refused are also references that lead outside the schema, and those that lead in a circle
    without looking at a smaller part of the value.
    """
    if len(json.dumps(schema)) > MAX_BYTES:
        raise ValueError(f"a schema has at most {MAX_BYTES // 1024} KiB")
    if schema.get("$schema", DIALECT).rstrip("#") != DIALECT:
        raise ValueError(f"$schema: only {DIALECT} is understood")
    _check_keywords(schema)
    parts = dict(_parts(schema))
    for path, part in parts.items():
        _check_patterns(path, part)
    resolver = Registry().with_resource("", DRAFT202012.create_resource(schema)).resolver()
    places = {id(part): path for path, part in parts.items()}
    links = {
        path: [places[id(target)] for target in _in_place(path, part, resolver)
               if id(target) in places]
        for path, part in parts.items()
    }  # fmt: skip
    _check_recursion(links)


def _check_keywords(schema: dict[str, Any]) -> None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    validator = Draft202012Validator(Draft202012Validator.META_SCHEMA)
    error = best_match(validator.iter_errors(schema))
    if error is not None:
        raise ValueError(f"{_name(tuple(map(str, error.absolute_path)))}: {error.message[:300]}")


def _parts(schema: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The schema and every schema in it, each with its path."""
    if not isinstance(schema, dict):
        return
    yield path, schema
    for keyword, item in schema.items():
        if keyword in _MAPS and isinstance(item, dict):
            for name, part in item.items():
                yield from _parts(part, (*path, keyword, name))
        elif keyword in _LISTS and isinstance(item, list):
            for index, part in enumerate(item):
                yield from _parts(part, (*path, keyword, str(index)))
        elif keyword in _SINGLE:
            yield from _parts(item, (*path, keyword))


def _check_patterns(path: Path, part: dict[str, Any]) -> None:
    patterns = [part["pattern"]] if isinstance(part.get("pattern"), str) else []
    if isinstance(part.get("patternProperties"), dict):
        patterns += part["patternProperties"]
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{_name((*path, 'pattern'))}: {error}") from error


def _in_place(path: Path, part: dict[str, Any], resolver: Resolver) -> Iterator[Any]:
    """The schemas that apply to the same value as this one."""
    for keyword in ("$ref", "$dynamicRef"):
        if isinstance(part.get(keyword), str):
            yield _resolve(part[keyword], (*path, keyword), resolver)
    for keyword in _IN_PLACE:
        item = part.get(keyword)
        if isinstance(item, dict):
            yield item
        elif isinstance(item, list):
            yield from item
    yield from (part.get("dependentSchemas") or {}).values()


def _resolve(reference: str, path: Path, resolver: Resolver) -> Any:
    """The schema that a reference inside the schema leads to."""
    try:
        return resolver.lookup(reference).contents
    except (PointerToNowhere, ValueError) as error:
        raise ValueError(f"{_name(path)}: {reference!r} leads nowhere") from error
    except NoSuchAnchor as error:
        raise ValueError(f"{_name(path)}: there is no anchor {error.anchor!r}") from error
    except Unresolvable as error:
        raise ValueError(
            f"{_name(path)}: {reference!r} leads outside the schema and is not fetched; "
            "put it under $defs and refer to #/$defs/…"
        ) from error


def _check_recursion(links: dict[Path, list[Path]]) -> None:
    done: set[Path] = set()
    for start in links:
        trail: dict[Path, Iterator[Path]] = {}
        current: Path | None = start
        while current is not None:
            if current not in trail:
                trail[current] = iter(() if current in done else links.get(current, ()))
            following = next(trail[current], None)
            if following is None:
                done.add(current)
                del trail[current]
                current = next(reversed(trail), None)
            elif following in trail:
                raise ValueError(f"{_name(following)}: refers to itself without end")
            else:
                current = following


def _name(path: Path) -> str:
    return ".".join(path) or "the schema"
