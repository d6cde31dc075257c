from __future__ import annotations

from flask_wtf.file import MultipleFileField
from werkzeug.datastructures import FileStorage
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from webapp.core.forms import Form
from webapp.documents.schemas import CONTENT_TYPES, MAX_CONTENT
from webapp.taxonomies.forms import TopicsField

PROPOSED = "Left empty, those that the text is clearly about are proposed."
TYPE_LABELS = {"text/markdown": "Markdown", "text/plain": "Plain text", "text/html": "HTML"}


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
    topics = TopicsField("Topics", description=PROPOSED)


class TopicsForm(Form):
    topics = TopicsField("Choose topics", description=PROPOSED)


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
    about = TopicsField("Topics", description=PROPOSED)

    def chosen(self) -> list[FileStorage]:
        """The files that were really given."""
        given = [*(self.files.data or []), *(self.folder.data or [])]
        return [file for file in given if getattr(file, "filename", "")]
