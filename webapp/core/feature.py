"""Feature: what one folder of `webapp` brings to an application.

The package's `FEATURE` is a value; `create_app` hangs those of `FEATURES` into the application,
in their order. What can be brought is defined where it is used: `Section` in `core.navigation`,
`Retention` in `core.retention`, `Job` in `engine`, `AgentTab` in `agents`, `TaskKind` in `tasks`.
Whoever uses a kind asks for all of it, and so needs to know none of the features that bring it:

    for tab in contributions(AgentTab): ...
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeVar

import click
from flask import Blueprint, Flask, current_app

T = TypeVar("T")

#: where an application keeps them
KEY = "callboard-contributions"
#: and, with them, those of each kind that somebody has asked for
KINDS = "callboard-contributions-by-kind"


@dataclass(frozen=True)
class Feature:
    """A feature's blueprints and commands, and everything else it contributes."""

    blueprints: Sequence[Blueprint] = ()
    commands: Sequence[click.Command] = ()
    contributions: Sequence[Any] = ()


def register(app: Flask, names: Sequence[str]) -> None:
    """Hang the features of these packages into an application."""
    known: list[Any] = app.extensions.setdefault(KEY, [])
    for name in names:
        feature: Feature = import_module(name).FEATURE
        for blueprint in feature.blueprints:
            app.register_blueprint(blueprint)
        for command in feature.commands:
            app.cli.add_command(command)
        known.extend(feature.contributions)
    app.extensions.pop(KINDS, None)


def contributions(kind: type[T], app: Flask | None = None) -> list[T]:
    """What the features of the running application bring of one kind, in their order."""
    application = app or current_app
    brought: Sequence[Any] = application.extensions.get(KEY, ())
    # Sorted by kind once, because every request asks several times.
    sorted_, found = application.extensions.get(KINDS, (None, {}))
    if sorted_ is not brought:
        found = {}
        application.extensions[KINDS] = brought, found
    if kind not in found:
        found[kind] = [item for item in brought if isinstance(item, kind)]
    return list(found[kind])


def contribution(kind: type[T], app: Flask | None = None) -> T:
    """The one contribution of a kind that one feature must bring; LookupError without it."""
    brought = contributions(kind, app)
    if len(brought) != 1:
        raise LookupError(f"{len(brought)} features bring a {kind.__name__}; one must.")
    return brought[0]
