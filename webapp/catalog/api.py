"""`/models`: the models that agents may name."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response, url_for
from pydantic import TypeAdapter

from webapp.catalog import services
from webapp.catalog.models import ModelConfig
from webapp.catalog.permissions import MODELS_READ, MODELS_WRITE
from webapp.catalog.schemas import DeleteQuery, ModelChanges, ModelRequest, ModelResponse
from webapp.core.api import list_response
from webapp.core.lists import Page
from webapp.core.security import current_actor, requires

bp = APIBlueprint("models_api", __name__, url_prefix="/api/v1/models", tag="Models")

MODELS = TypeAdapter(list[ModelResponse])


@bp.get("")
@requires(MODELS_READ)
@bp.output(list[ModelResponse])
@bp.doc(operation_id="models.list")
def index() -> Response:
    """The organization's models, the built-in one first"""
    return list_response(MODELS, Page.of_all(services.list_models(actor=current_actor())))


@bp.post("")
@requires(MODELS_WRITE)
@bp.input(ModelRequest, arg_name="body")
@bp.output(ModelResponse, 201)
@bp.doc(operation_id="models.create", responses=[409])
def create(body: ModelRequest) -> tuple[ModelConfig, int, dict[str, str]]:
    """Add a model; prices and context that are left out are looked up"""
    model = services.create_model(body, actor=current_actor())
    return model, 201, {"Location": url_for("models_api.show", model_id=model.reference)}


@bp.get("/<model_id>")
@requires(MODELS_READ)
@bp.output(ModelResponse)
@bp.doc(operation_id="models.get")
def show(model_id: str) -> ModelConfig:
    """One model, with what came of its last test"""
    return services.get_model(model_id, actor=current_actor())


@bp.patch("/<model_id>")
@requires(MODELS_WRITE)
@bp.input(ModelChanges, arg_name="body")
@bp.output(ModelResponse)
@bp.doc(operation_id="models.update", responses=[409])
def update(model_id: str, body: ModelChanges) -> ModelConfig:
    """Change what is given; another provider or address needs the key again"""
    return services.update_model(model_id, body, actor=current_actor())


@bp.put("/<model_id>")
@requires(MODELS_WRITE)
@bp.input(ModelChanges, arg_name="body")
@bp.output(ModelResponse)
@bp.doc(operation_id="models.replace", responses=[409])
def replace(model_id: str, body: ModelChanges) -> ModelConfig:
    """The same as PATCH: a key that is left out stays"""
    return services.update_model(model_id, body, actor=current_actor())


@bp.delete("/<model_id>")
@requires(MODELS_WRITE)
@bp.input(DeleteQuery, location="query", arg_name="query")
@bp.doc(operation_id="models.delete", responses={204: "Deleted", 409: "Agents name it"})
def destroy(model_id: str, query: DeleteQuery) -> tuple[str, int]:
    """Delete a model and its key; where agents name it, only with `force`"""
    services.delete_model(model_id, actor=current_actor(), force=query.force)
    return "", 204


@bp.post("/<model_id>/test")
@requires(MODELS_WRITE)
@bp.output(ModelResponse, 202)
@bp.doc(operation_id="models.test", responses=[409])
def test(model_id: str) -> ModelConfig:
    """Make one call; the model's `last_test` says what came back, within half a minute"""
    return services.begin_test(model_id, actor=current_actor())
