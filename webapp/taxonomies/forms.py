from __future__ import annotations

import csv
import io
import json
from typing import Any

from wtforms import FileField, IntegerField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, NumberRange, Optional, Regexp

from webapp.core.errors import Invalid
from webapp.core.forms import Form
from webapp.taxonomies.schemas import VERSION, TaxonomyRequest


class TaxonomyForm(Form):
    """A version and its nodes, as CSV (a path in each line) or as the API's JSON."""

    version = StringField(
        "Version",
        description="Three numbers. Topics are added to a version that is there already.",
        validators=[
            DataRequired(),
            Length(max=32),
            Regexp(VERSION, message="A version is three numbers, like 1.0.0."),
        ],
    )
    file = FileField("File", render_kw={"accept": ".csv,.txt,.json"})
    content = TextAreaField(
        "Or the paths",
        description="One path a line, from the top down: Physics > Aerodynamics, or cells of CSV.",
        render_kw={"rows": 10, "spellcheck": "false"},
    )

    def to_body(self) -> TaxonomyRequest:
        """What the form says; Invalid where the file cannot be read."""
        text = self._text()
        version = (self.version.data or "").strip()
        if text.lstrip().startswith(("{", "[")):
            try:
                data = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise Invalid("This is not JSON that can be read.", field="content") from error
            given: dict[str, Any] = data if isinstance(data, dict) else {"nodes": data}
            return TaxonomyRequest.model_validate(given | {"version": version})
        nodes = [{"path": path} for path in _paths(text, "content")]
        return TaxonomyRequest.model_validate({"version": version, "nodes": nodes})

    def _text(self) -> str:
        file = self.file.data
        if file is not None and file.filename:
            try:
                return str(file.stream.read().decode("utf-8-sig"))
            except UnicodeDecodeError as error:
                raise Invalid("The file is not UTF-8 text.", field="file") from error
        text = self.content.data or ""
        if not text.strip():
            raise Invalid("Choose a file, or write some paths.", field="content")
        return text


class NodeForm(Form):
    """One topic: its name, its target, and where it hangs."""

    label = StringField("Name", validators=[DataRequired(), Length(max=255)])
    target_documents = IntegerField(
        "Documents wanted",
        description="Left empty, 10; an agent may have its own number.",
        validators=[Optional(), NumberRange(0, 1_000_000)],
    )
    parents = TextAreaField(
        "Under",
        description="The paths of the topics above, one a line; none puts it at the top.",
        render_kw={"rows": 3, "spellcheck": "false"},
    )

    @property
    def paths(self) -> list[list[str]]:
        """The topics above; Invalid where they cannot be read."""
        return _paths(self.parents.data or "", "parents")


def _paths(text: str, field: str) -> list[list[str]]:
    """The paths of CSV: the cells of each line, or the one cell cut at `>`."""
    try:
        rows = list(csv.reader(io.StringIO(text), skipinitialspace=True))
    except csv.Error as error:
        raise Invalid(f"This is not CSV: {error}.", field=field) from error
    paths = []
    for row in rows:
        cells = row[0].split(">") if len(row) == 1 else row
        path = [cell.strip() for cell in cells]
        while path and not path[-1]:
            path.pop()
        if path:
            paths.append(path)
    return paths
