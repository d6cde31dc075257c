"""Document: a text that agents answer from; kept in chunks, found by keywords and by meaning.

`uploads` receives files and makes documents of them by tasks, `reading` turns a file into text and
passages, `topics` says what documents are about, `bulk` changes many at once.
"""

from __future__ import annotations

from apiflask import APIFlask


def init_app(app: APIFlask) -> None:
    from webapp.documents import api, cli, indexing, live, pages
    from webapp.documents.bulk import api as bulk_api
    from webapp.documents.bulk import pages as bulk_pages
    from webapp.documents.bulk import services as bulk
    from webapp.documents.topics import changes, proposals
    from webapp.documents.uploads import jobs
    from webapp.taxonomies import signals as taxonomies

    app.register_blueprint(pages.bp)
    app.register_blueprint(api.bp)
    app.register_blueprint(bulk_pages.bp)
    app.register_blueprint(bulk_api.bp)
    live.init_app(app)
    cli.init_app(app)
    taxonomies.shape_changed.connect(app, changes.recount_scopes_of)
    indexing.register()
    proposals.register()
    bulk.register()
    jobs.register()
