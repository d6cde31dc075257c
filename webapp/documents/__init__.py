"""Document: a text that agents answer from; kept in chunks, found by keywords and by meaning.

`uploads` receives files and makes documents of them by tasks, `reading` turns a file into text and
passages, `topics` says what documents are about, `bulk` changes many at once,
`deletion` restores what was deleted, or forgets it.
"""

from __future__ import annotations

from webapp.audit.wording import Wording
from webapp.core.feature import Feature
from webapp.core.navigation import PaletteGroup, PalettePage, PaletteSearch, Section, SectionPages
from webapp.core.retention import Retention
from webapp.core.signals import Receiver
from webapp.documents import api, cli, indexing, live, pages, palette
from webapp.documents.bulk import api as bulk_api
from webapp.documents.bulk import pages as bulk_pages
from webapp.documents.bulk import services as bulk
from webapp.documents.deletion import pages as deletion_pages
from webapp.documents.deletion import services as deletion
from webapp.documents.schemas import DocumentQuery
from webapp.documents.topics import counts, proposals
from webapp.documents.topics.recounting import recount_scopes_of
from webapp.documents.uploads import jobs
from webapp.documents.uploads.changes import drop_uploads_of
from webapp.engine import Job
from webapp.tasks.kinds import TaskKind
from webapp.taxonomies import signals as taxonomies
from webapp.taxonomies.actions import TopicDocuments, TopicPage
from webapp.taxonomies.permissions import KNOWLEDGE_READ, KNOWLEDGE_WRITE
from webapp.views.lists import ViewedList

FEATURE = Feature(
    blueprints=(pages.bp, api.bp, bulk_pages.bp, bulk_api.bp, deletion_pages.bp),
    commands=(cli.group,),
    contributions=(
        *live.FEEDS,
        Receiver(taxonomies.shape_changed, recount_scopes_of),
        Job("index_merge", indexing.merge),
        Job("proposals", proposals.propose),
        TaskKind(
            "document_import",
            jobs.import_documents,
            result="documents/uploads/_result.html",
            when_ended=jobs.fail_unread,
            before_purge=drop_uploads_of,
            problems="failed",
        ),
        TaskKind(bulk.TASK_TYPE, bulk.change_documents, result="documents/bulk/_result.html"),
        TaskKind(
            deletion.TASK_TYPE,
            deletion.restore_deleted,
            result="documents/deletion/_result.html",
        ),
        Retention(deletion.RETENTION, deletion.forget_old, "deleted_days"),
        TaskKind(
            indexing.CHECK,
            indexing.check_index,
            result="documents/_check_result.html",
            problems="problem_count",
        ),
        TaskKind(indexing.REBUILD, indexing.rebuild_index, result="documents/_rebuild_result.html"),
        TaskKind(
            proposals.TASK_TYPE,
            proposals.propose_anew,
            result="documents/_proposals_result.html",
            when_ended=proposals.tell_of_end,
        ),
        TopicPage("documents.index"),
        TopicDocuments(counts.count_below),
        ViewedList("documents", "documents.index", DocumentQuery),
        Section("Documents", "documents.index", "documents", position=30, key="d"),
        SectionPages("Documents", ("documents", "document_bulk", "document_deletion")),
        PalettePage("Index", "documents.show_index", permission=KNOWLEDGE_READ),
        PalettePage(
            "Deleted documents",
            "document_deletion.index",
            permission=KNOWLEDGE_WRITE,
            words=("restore", "trash", "undelete"),
        ),
        PalettePage(
            "Add documents",
            "documents.new",
            permission=KNOWLEDGE_WRITE,
            words=("upload", "files", "paste"),
        ),
        PaletteGroup("Documents", palette.find_documents),
        PaletteSearch("Find documents titled “{}”", "documents.index", permission=KNOWLEDGE_READ),
        Wording(
            past={
                "check index": "checked the index:",
                "confirm topics": "confirmed the topics of",
                "propose topics": "had topics proposed anew in",
                "rebuild index": "rebuilt the index:",
                "reject topics": "rejected the topics of",
                "replace": "replaced",
            },
            nouns={"upload": "file"},
            links={"document": ("documents.show", "document_id")},
            aside=palette.describe_files,
        ),
    ),
)
