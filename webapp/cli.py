"""Commands: prepare, worker, seed, secrets, db, and the features' own."""

from __future__ import annotations

import os
import traceback

import click
from apiflask import APIFlask
from flask import current_app
from flask.cli import AppGroup

from webapp.config import BadSettings, Settings


def init_app(app: APIFlask) -> None:
    for command in (prepare, worker, seed, secrets, db):
        app.cli.add_command(command)


@click.command()
@click.option("--quiet", is_flag=True, help="Do not print the link of the first start.")
def prepare(quiet: bool) -> None:
    """Bring the database up to date; on the first start print the link that makes the admin."""
    from webapp import startup

    _prepare()
    if not quiet:
        startup.show_setup_link(current_app)


@click.command()
def worker() -> None:
    """Bring the database up to date, and run jobs until told to stop."""
    from webapp.engine import backend
    from webapp.engine.worker import main

    backend.load()
    _prepare_apart()
    click.echo("The database is up to date.")
    main(current_app._get_current_object())  # type: ignore[attr-defined]  # the proxy's, not the app's


def _prepare_apart() -> None:
    """Prepare in a child: what migrations alone load, 20 MB, ends with it."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _prepare()
            code = 0
        except SystemExit as error:
            click.echo(error.code, err=True)
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if status:
        raise SystemExit(1)


def _prepare() -> None:
    """Bring the database up to date, and make the admin that the settings name."""
    from webapp import startup
    from webapp.accounts import setup
    from webapp.core.database import migrations
    from webapp.core.errors import DomainError

    settings: Settings = current_app.config["CALLBOARD"]
    try:
        startup.check_database(settings)
        migrations.upgrade(settings)
        setup.prepare(settings)
    except BadSettings as error:
        raise SystemExit(str(error)) from None
    except DomainError as error:  # somebody else was faster
        raise SystemExit(error.message) from None


@click.command()
def seed() -> None:
    """Add the sample data to the oldest organization; what is there already stays."""
    from webapp.accounts import samples

    click.echo(samples.seed_oldest_organization())


secrets = AppGroup("secrets", help="Secrets that the database keeps.")


@secrets.command("rotate")
def rotate_secrets() -> None:
    """Seal all secrets with the present SECRET_KEY; SECRET_KEY_FALLBACKS names those before."""
    from webapp.core import counts, sealing

    done = sealing.reseal_all()
    click.echo(f"{counts.counted(done.count, 'secret')} sealed with the present SECRET_KEY.")
    if done.unreadable_count:
        raise click.ClickException(
            f"{counts.counted(done.unreadable_count, 'secret')} cannot be read: sealed with a key "
            "that SECRET_KEY_FALLBACKS does not name. Give it, or enter these secrets anew."
        )


@click.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def db(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Flask-Migrate's commands, for those who write migrations."""
    from flask_migrate.cli import db as commands

    commands.main(arguments, prog_name="flask db", obj=context.obj)
