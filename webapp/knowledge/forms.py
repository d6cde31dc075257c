from __future__ import annotations

from flask_wtf.file import FileRequired, MultipleFileField
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from webapp.core.forms import Form
from webapp.knowledge.schemas import CONTENT_TYPES, MAX_CONTENT

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


class UploadForm(Form):
    files = MultipleFileField(
        "Files",
        description="Markdown, text or HTML; or NDJSON with one document a line.",
        validators=[FileRequired()],
    )
