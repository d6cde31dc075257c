from __future__ import annotations

from wtforms import FileField, TextAreaField

from webapp.core.forms import Form


class ImportForm(Form):
    file = FileField("File", render_kw={"accept": ".json,application/json"})
    content = TextAreaField("Or the text", render_kw={"rows": 8, "spellcheck": "false"})
