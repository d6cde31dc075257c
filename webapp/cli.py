"""Commands: prepare, worker, seed, and the features' own."""

from __future__ import annotations

import click
from apiflask import APIFlask
from flask import current_app


def init_app(app: APIFlask) -> None:
    for command in (prepare, worker, seed):
        app.cli.add_command(command)


@click.command()
@click.option("--quiet", is_flag=True, help="Do not print the link of the first start.")
def prepare(quiet: bool) -> None:
    """Bring the database up to date; on the first start print the link that makes the admin."""
    from webapp.accounts import setup
    from webapp.core import migrations

    settings = current_app.config["CALLBOARD"]
    migrations.upgrade(settings)
    path = setup.prepare(settings)
    if path and not quiet:
        link = f"{settings.base_url}{path}"
        click.echo(f"\n  First start. Make your admin account here, once:\n\n    {link}\n")


@click.command()
def worker() -> None:
    """Run jobs until told to stop."""
    from webapp.engine.worker import main

    main(current_app._get_current_object())  # type: ignore[attr-defined]  # the proxy's, not the app's


@click.command()
def seed() -> None:
    """Add the sample data to the oldest organization; what is there already stays."""
    from webapp.overview import samples

    click.echo(samples.seed_oldest_organization())
