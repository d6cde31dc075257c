from __future__ import annotations

from typing import Any

from flask_wtf.file import MultipleFileField
from werkzeug.datastructures import FileStorage
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from webapp.core.forms import Form
from webapp.documents.schemas import CONTENT_TYPES, MAX_CONTENT

TYPE_LABELS = {"text/markdown": "Markdown", "text/plain": "Plain text", "text/html": "HTML"}


class TopicsField(StringField):
    """Topics by their paths, `;` between them: Physics > Heat; Cooking.

    `empty` says what happens when it is left empty.
    """

    def __init__(self, label: str, **options: Any) -> None:
        empty = options.pop("empty", " Left empty, some are proposed.")
        description = f"Topics, for example: Physics > Heat; Cooking.{empty}"
        super().__init__(label, description=description, **options)

    @property
    def paths(self) -> list[list[str]]:
        """Each topic as its labels from the top."""
        topics = [
            [part.strip() for part in topic.split(">")] for topic in (self.data or "").split(";")
        ]
        return [labels for labels in topics if any(labels)]


class PasteForm(Form):
    title = StringField(
        "Title",
        description="Left empty, the first heading is taken.",
        validators=[Length(max=500)],
    )
    content = TextAreaField("Text", validators=[DataRequired(), Length(max=MAX_CONTENT)])
    content_type = SelectField(
        "Kind", choices=[(kind, TYPE_LABELS[kind]) for kind in CONTENT_TYPES]
    )
    source_url = StringField("Source address", validators=[Length(max=2000)])
    topics = TopicsField("About")


class TopicsForm(Form):
    topics = TopicsField("About")


class UploadForm(Form):
    files = MultipleFileField(
        "Files",
        description="Markdown, text, HTML, PDF or Word; a zip archive of them; or NDJSON with one "
        "document a line.",
        render_kw={"accept": ".md,.markdown,.txt,.text,.html,.htm,.pdf,.docx,.ndjson,.jsonl,.zip"},
    )
    folder = MultipleFileField(
        "Or a folder",
        description="With all below it; files of other kinds are passed over.",
        render_kw={"webkitdirectory": True},
    )
    about = TopicsField("About")

    def chosen(self) -> list[FileStorage]:
        """The files that were really given."""
        given = [*(self.files.data or []), *(self.folder.data or [])]
        return [file for file in given if getattr(file, "filename", "")]
