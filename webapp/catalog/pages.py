"""The models' pages, under Settings: list, show with its form, new, test, delete."""

from __future__ import annotations

from flask import Blueprint, Response

from webapp.catalog import services
from webapp.catalog.forms import ModelForm
from webapp.catalog.models import ModelConfig
from webapp.catalog.permissions import MODELS_READ, MODELS_WRITE
from webapp.catalog.schemas import ModelChanges
from webapp.core.security import current_actor, requires
from webapp.core.web import page, redirect_to

bp = Blueprint("models", __name__, url_prefix="/models")


@bp.get("")
@requires(MODELS_READ)
def index() -> Response:
    models = services.list_models(actor=current_actor())
    return page("catalog/index.html", fragment="catalog/_list.html", models=models)


@bp.get("/new")
@requires(MODELS_WRITE)
def new() -> Response:
    return _new_page(ModelForm())


@bp.post("")
@requires(MODELS_WRITE)
def create() -> Response:
    form = ModelForm()
    if form.validate():
        with form.refusing():
            model = services.create_model(form.to_request(), actor=current_actor())
            message = f"{model.name} is ready. Test it before agents use it."
            return redirect_to("models.show", model_id=model.reference, message=message)
    return _new_page(form, status=422)


@bp.get("/<model_id>")
@requires(MODELS_READ)
def show(model_id: str) -> Response:
    return _show_page(services.get_model(model_id, actor=current_actor()))


@bp.post("/<model_id>")
@requires(MODELS_WRITE)
def update(model_id: str) -> Response:
    actor, form = current_actor(), ModelForm()
    model = services.get_model(model_id, actor=actor)
    if form.validate():
        with form.refusing():
            changes = form.to_changes(model)
            services.update_model(model_id, changes, actor=actor)
            return redirect_to("models.show", model_id=model_id, message="The model is saved.")
    # What was refused has been rolled back, the model with it.
    model = services.get_model(model_id, actor=actor)
    form.describe(model)
    return _show_page(model, form=form, status=422)


@bp.post("/<model_id>/default")
@requires(MODELS_WRITE)
def choose(model_id: str) -> Response:
    model = services.update_model(model_id, ModelChanges(is_default=True), actor=current_actor())
    return redirect_to("models.index", message=f"New agents begin with {model.name}.")


@bp.post("/<model_id>/tests")
@requires(MODELS_WRITE)
def test(model_id: str) -> Response:
    services.begin_test(model_id, actor=current_actor())
    return redirect_to("models.show", model_id=model_id)


@bp.post("/<model_id>/deletion")
@requires(MODELS_WRITE)
def destroy(model_id: str) -> Response:
    model = services.delete_model(model_id, actor=current_actor(), force=True)
    return redirect_to("models.index", message=f"{model.name} is deleted.")


def _new_page(form: ModelForm, *, status: int = 200) -> Response:
    del form.removes_key
    return page("catalog/new.html", status=status, form=form)


def _show_page(model: ModelConfig, *, form: ModelForm | None = None, status: int = 200) -> Response:
    is_edited = not model.is_built_in and current_actor().may(MODELS_WRITE)
    return page(
        "catalog/show.html",
        fragment="catalog/_test.html",
        status=status,
        model=model,
        form=(form or ModelForm.of(model)) if is_edited else None,
        uses=services.list_uses(model),
    )
