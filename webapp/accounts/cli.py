"""`flask --app wsgi org add`."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from webapp.accounts import keys, services
from webapp.core.errors import DomainError

organizations = AppGroup("org", help="Organizations.")


@organizations.command("add")
@click.argument("name")
@click.option("--email", required=True, help="The first admin's e-mail.")
@click.option("--password", help="The first admin's password, if they have no account yet.")
@click.option("--api-key", help="An API key for the first admin; it should be long and random.")
def add(name: str, email: str, password: str | None, api_key: str | None) -> None:
    """Add an organization with its first admin."""
    try:
        admin = services.create_organization(name, email=email, password=password)
        if api_key:
            keys.create_key("First key", actor=services.actor_of(admin), key=api_key)
    except DomainError as error:
        raise click.ClickException(error.message) from error
    click.echo(f"{name} is ready; {admin.email} signs in.")
