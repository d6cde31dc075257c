"""Export to a file, and the import in two steps: what would happen, and then doing it."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, current_app, request

from webapp.agents.permissions import AGENTS_WRITE
from webapp.agents.transfer import services
from webapp.agents.transfer.api import ExportQuery, export_response
from webapp.agents.transfer.forms import ImportForm
from webapp.core.counts import counted, local
from webapp.core.errors import Invalid
from webapp.core.schemas import read_text
from webapp.core.security import FORMS, accepts_upload, current_actor, requires
from webapp.core.web import page, redirect_to

bp = Blueprint("agent_transfer", __name__, url_prefix="/agents")


@bp.get("/export")
@requires(AGENTS_WRITE)
def export() -> Response:
    """Those that are ticked in the list, else all that it shows."""
    arguments: dict[str, Any] = {key: value for key, value in request.args.items() if value}
    arguments["include"] = ",".join(request.args.getlist("include"))
    ticked = [] if "all" in request.args else request.args.getlist("id")
    if ticked:
        arguments = {"include": arguments["include"], "agent": ",".join(ticked)}
    return export_response(read_text(ExportQuery, arguments))


@bp.get("/import")
@requires(AGENTS_WRITE)
def new() -> Response:
    return page("agents/transfer/new.html", form=ImportForm())


@bp.post("/import")
@accepts_upload(*FORMS)
@requires(AGENTS_WRITE)
def create() -> Response:
    """Without `confirmed`, only say what would happen."""
    form = ImportForm()
    is_dry_run = "confirmed" not in request.form
    if form.validate():
        with form.refusing():
            text = _text(form)
            agents = services.read_import(_parsed(text))
            report = services.import_agents(agents, actor=current_actor(), is_dry_run=is_dry_run)
            if is_dry_run:
                return page("agents/transfer/report.html", report=report, content=text)
            count = report.created
            message = local(f"{counted(count, 'agent')} imported.")
            return redirect_to("agents.index", message=message)
    return page("agents/transfer/new.html", status=422, form=form)


def _text(form: ImportForm) -> str:
    file = form.file.data
    if file is not None and file.filename:
        try:
            return str(file.stream.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise Invalid("The file is not UTF-8 text.") from error
    text = (form.content.data or "").strip()
    if not text:
        raise Invalid("Choose a file, or paste its text.")
    return text


def _parsed(text: str) -> Any:
    try:
        return current_app.json.loads(text)
    except json.JSONDecodeError as error:
        raise Invalid(f"This is not JSON (line {error.lineno}): {error.msg}.") from error
    except ValueError as error:
        raise Invalid("This is not JSON that can be read.") from error
