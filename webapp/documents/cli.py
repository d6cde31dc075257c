"""Commands: `flask --app wsgi index check|rebuild`."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from webapp.accounts import services as accounts
from webapp.core.actor import Actor, Role
from webapp.documents import indexing

group = AppGroup("index", help="Look after the index of the documents.")


@group.command("check")
@click.argument("organization")
def check(organization: str) -> None:
    """Start the task that compares the index of ORGANIZATION with its documents."""
    click.echo(indexing.start_check(actor=_actor(organization)).id)


@group.command("rebuild")
@click.argument("organization")
def rebuild(organization: str) -> None:
    """Start the task that builds the index of ORGANIZATION anew, with the present embedder."""
    click.echo(indexing.start_rebuild(actor=_actor(organization)).id)


def _actor(name: str) -> Actor:
    organization = accounts.find_organization(name)
    if organization is None:
        raise click.ClickException(f"No organization is called {name}.")
    return Actor(organization.id, Role.ADMIN, "the command line")
