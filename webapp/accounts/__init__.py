"""Account: an organization, the users who belong to it, their sessions and API keys."""

from __future__ import annotations

from apiflask import APIFlask


def init_app(app: APIFlask) -> None:
    from webapp.accounts import api, cli, identity, pages

    app.extensions["callboard-identify"] = identity.identify
    app.extensions["callboard-reauthorize-many"] = identity.reauthorize_many
    app.register_blueprint(pages.bp)
    app.register_blueprint(api.bp)
    app.cli.add_command(cli.organizations)
