"""Taxonomy: the topics of an organization in versions, each a graph of nodes without circles.

A scope is a set of topics, with the counts of the documents below them.
"""

from __future__ import annotations

from apiflask import APIFlask


def init_app(app: APIFlask) -> None:
    from webapp.taxonomies import api, pages

    app.register_blueprint(pages.bp)
    app.register_blueprint(api.bp)
