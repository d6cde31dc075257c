"""`flask --app wsgi org add` and `flask --app wsgi password`."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from webapp.accounts import credentials, services
from webapp.core.errors import DomainError

organizations = AppGroup("org", help="Organizations.")


@organizations.command("add")
@click.argument("name")
@click.option("--email", required=True, help="The first admin's e-mail.")
@click.option("--password", help="The first admin's password, if they have no account yet.")
@click.option("--api-key", help="An API key for the first admin; it should be long and random.")
def add(name: str, email: str, password: str | None, api_key: str | None) -> None:
    """Add an organization with its first admin."""
    if services.find_organization(name):
        raise click.ClickException(f"There is an organization called {name} already.")
    try:
        admin = services.create_organization(name, email=email, password=password, api_key=api_key)
    except DomainError as error:
        raise click.ClickException(error.message) from error
    click.echo(f"{name} is ready; {admin.email} signs in.")


@click.command("password")
@click.argument("email")
@click.option("--password", prompt="New password", hide_input=True, confirmation_prompt=True)
def set_password(email: str, password: str) -> None:
    """Give somebody a new password and sign them out everywhere."""
    try:
        user = credentials.set_password(email, password)
    except DomainError as error:
        raise click.ClickException(error.message) from error
    click.echo(f"{user.email} has a new password.")
