"""The models of an organization: added, found, changed, tested and deleted.

`find_model` and `find_names` are for features that run or name models; the rest is for people.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.exc import IntegrityError

from webapp import engine
from webapp.accounts.models import Organization
from webapp.audit import services as audit
from webapp.catalog import prices, signals
from webapp.catalog.models import (
    EXTRACTIVE,
    ModelConfig,
    Provider,
    full_name,
    make_extractive,
)
from webapp.catalog.permissions import MODELS_READ, MODELS_WRITE
from webapp.catalog.schemas import ModelChanges, ModelRequest
from webapp.core import clock, live, sealing
from webapp.core.actor import Actor
from webapp.core.database.transactions import get_locked
from webapp.core.errors import Conflict, Invalid, NotFound
from webapp.core.extensions import db

MAX_MODELS = 200
#: what a test is about: after a change of one of these, the last one says nothing any more
ASKED = ("provider", "model", "base_url", "api_key")


def find_model(organization_id: UUID, name: str) -> ModelConfig | None:
    """The model that somebody names by id, by its name or as `provider:model`; None without it.

    No name at all means the organization's default.
    """
    if not name:
        return get_default(organization_id)
    if name in (EXTRACTIVE, full_name(EXTRACTIVE, EXTRACTIVE)):
        return make_extractive(organization_id)
    provider, _, model = name.partition(":")
    named: list[ColumnElement[bool]] = [ModelConfig.name == name]
    if key := _as_uuid(name):
        named.append(ModelConfig.id == key)
    if model:
        named.append((ModelConfig.provider == provider) & (ModelConfig.model == model))
    found = db.session.scalars(
        select(ModelConfig)
        .where(ModelConfig.organization_id == organization_id, or_(*named))
        .order_by(ModelConfig.created_at, ModelConfig.id)
    ).all()
    ranked = sorted(found, key=lambda row: (row.id != key, row.name != name))
    return ranked[0] if ranked else None


def get_default(organization_id: UUID) -> ModelConfig:
    """The model that agents begin with; extractive where nobody has chosen another."""
    chosen = db.session.scalar(
        select(ModelConfig).where(
            ModelConfig.organization_id == organization_id, ModelConfig.is_default
        )
    )
    return chosen or make_extractive(organization_id, is_default=True)


def load_models(organization_id: UUID) -> list[ModelConfig]:
    """All that agents can name, the built-in one first, the others by name."""
    rows = db.session.scalars(
        select(ModelConfig)
        .where(ModelConfig.organization_id == organization_id)
        .order_by(ModelConfig.name)
    ).all()
    is_default = not any(row.is_default for row in rows)
    return [make_extractive(organization_id, is_default=is_default), *rows]


def find_names(organization_id: UUID) -> list[str]:
    """What agents can name, the default first."""
    models = sorted(load_models(organization_id), key=lambda model: not model.is_default)
    return [model.name for model in models]


def find_names_by_id(organization_id: UUID) -> dict[str, str]:
    """The names of all models, by id as text."""
    rows = db.session.execute(
        select(ModelConfig.id, ModelConfig.name).where(
            ModelConfig.organization_id == organization_id
        )
    )
    return {str(row.id): row.name for row in rows}


def list_models(*, actor: Actor) -> list[ModelConfig]:
    """All, the built-in one first, the others by name."""
    actor.require(MODELS_READ)
    return load_models(actor.organization_id)


def get_model(reference: str, *, actor: Actor, lock: bool = False) -> ModelConfig:
    """The model with this id; NotFound where the organization has none."""
    actor.require(MODELS_READ)
    if reference == EXTRACTIVE:
        is_default = get_default(actor.organization_id).is_built_in
        return make_extractive(actor.organization_id, is_default=is_default)
    statement = select(ModelConfig).where(
        ModelConfig.organization_id == actor.organization_id,
        ModelConfig.id == _as_uuid(reference),
    )
    found: ModelConfig | None = get_locked(statement) if lock else db.session.scalar(statement)
    if found is None:
        raise NotFound(
            f"Model not found: {reference[:100]}", suggestions=["GET /api/v1/models lists them."]
        )
    return found


def list_uses(model: ModelConfig) -> list[signals.Use]:
    """What names this model, agents above all."""
    answers = signals.models_named.send(
        organization_id=model.organization_id, names=_names_of(model)
    )
    return [use for answer in answers for use in answer]


def create_model(body: ModelRequest, *, actor: Actor) -> ModelConfig:
    """Add a model; what the body does not say of prices and context is looked up.

    Raises Conflict where its name is taken or there are as many as there may be, Invalid where an
    address is missing.
    """
    actor.require(MODELS_WRITE)
    if body.provider == Provider.EXTRACTIVE:
        raise Conflict(
            "extractive is always there: it needs no entry.", code="model_exists", field="provider"
        )
    _check_address(body.provider, body.base_url)
    given = body.model_fields_set
    known = _look_up(body.provider, body.model, body.base_url, given)
    # Whoever adds one waits here for the others, so that what is counted is still true afterwards.
    _lock(actor.organization_id)
    if _count(actor.organization_id) >= MAX_MODELS:
        raise Conflict(
            f"There are {MAX_MODELS} models already, and there can be no more.",
            code="too_many_models",
        )
    values = body.model_dump(exclude={"api_key", "name"}) | known
    model = ModelConfig(
        organization_id=actor.organization_id,
        name=body.name or full_name(body.provider, body.model),
        sealed_key=sealing.seal(body.api_key) if body.api_key else None,
        **values | {"provider": body.provider.value},
    )
    _check_name(model)
    if body.is_default:
        _take_default_away(actor.organization_id)
    db.session.add(model)
    _flush(model)
    audit.record(actor, "create", model)
    announce(model)
    db.session.commit()
    return model


def update_model(reference: str, body: ModelChanges, *, actor: Actor) -> ModelConfig:
    """Change what the body gives.

    Raises Invalid where the key would be sent elsewhere and is not given again; Conflict where
    the name is taken, or agents name it by the old one.
    """
    actor.require(MODELS_WRITE)
    changed = body.model_dump(exclude_unset=True)
    before = get_model(reference, actor=actor)
    if before.is_built_in:
        return _change_built_in(changed, actor=actor)
    if "provider" in changed and body.provider == Provider.EXTRACTIVE:
        raise Conflict("extractive is always there.", code="model_exists", field="provider")
    now = {name: changed.get(name, getattr(before, name)) for name in ASKED[:3]}
    _check_address(now["provider"], now["base_url"])
    if any(now[name] != getattr(before, name) for name in ("provider", "model")):
        changed |= _look_up(now["provider"], now["model"], now["base_url"], changed)
    _lock(actor.organization_id)
    model = get_model(reference, actor=actor, lock=True)
    _check_key_stays(model, changed)
    if "name" in changed:
        changed["name"] = changed["name"] or full_name(now["provider"], now["model"])
    elif model.name == model.full_name:
        changed["name"] = full_name(now["provider"], now["model"])
    different = _differing(model, changed)
    _check_uses(model, different)
    if different.get("is_default"):
        _take_default_away(actor.organization_id)
    for name, value in different.items():
        setattr(model, name, value)
    _check_name(model)
    if different:
        if set(different) & {"provider", "model", "base_url", "sealed_key"}:
            model.last_test = None
        model.updated_at = clock.now()
        _flush(model)
        fields = ["api_key" if name == "sealed_key" else name for name in different]
        audit.record(actor, "update", model, fields=fields)
        announce(model)
    db.session.commit()
    return model


def delete_model(reference: str, *, actor: Actor, force: bool = False) -> ModelConfig:
    """Delete a model with its key; Conflict where agents name it, unless `force`."""
    actor.require(MODELS_WRITE)
    model = get_model(reference, actor=actor, lock=reference != EXTRACTIVE)
    if model.is_built_in:
        raise Conflict("extractive is always there.", code="model_built_in")
    uses = [] if force else list_uses(model)
    if uses:
        raise Conflict(
            f"{model.name} is the model of {_in_a_sentence(uses)}.",
            code="model_in_use",
            extras={"agents": [use.name for use in uses]},
            suggestions=["Give them another model first."],
            api_suggestions=["`?force=true` deletes it all the same; they cannot run then."],
        )
    db.session.delete(model)
    audit.record(actor, "delete", model)
    announce(model)
    db.session.commit()
    return model


def begin_test(reference: str, *, actor: Actor) -> ModelConfig:
    """Have a worker make one call; `last_test` says what came of it, once it is there.

    Raises Conflict while another test of it goes on.
    """
    actor.require(MODELS_WRITE)
    model = get_model(reference, actor=actor, lock=reference != EXTRACTIVE)
    begun = {"begun_at": clock.iso(clock.now()), "begun_by": actor.name}
    if model.is_built_in:
        message = "Needs no call: it answers with passages from your documents."
        model.last_test = {"status": "passed", "message": message, **begun}
        return model
    if model.is_being_tested:
        raise Conflict(
            f"{model.name} is being tested.",
            code="test_runs",
            suggestions=["Wait some seconds for its end."],
        )
    number = (model.last_test or {}).get("number", 0) + 1
    model.last_test = {"status": "pending", "message": "Asking it.", "number": number, **begun}
    key = f"model-test-{model.id}-{clock.now().timestamp():.6f}"
    arguments = {"model_id": str(model.id), "number": number}
    engine.enqueue(db.session(), "model_test", key=key, arguments=arguments, priority=1)
    audit.record(actor, "test", model)
    announce(model)
    db.session.commit()
    return model


def announce(model: ModelConfig) -> None:
    """Tell the pages that show models."""
    live.announce("models:all", model.organization_id)


def _change_built_in(changed: dict[str, Any], *, actor: Actor) -> ModelConfig:
    """Of the built-in one only that it is the default can be changed."""
    if set(changed) - {"is_default"}:
        raise Conflict(
            "extractive is built in: it can be the default, and nothing else of it changes.",
            code="model_built_in",
        )
    _lock(actor.organization_id)
    model = get_model(EXTRACTIVE, actor=actor)
    if changed.get("is_default") and not model.is_default:
        chosen = get_default(actor.organization_id)
        chosen.is_default = False
        audit.record(actor, "update", chosen, fields=["is_default"])
        announce(chosen)
        model.is_default = True
    db.session.commit()
    return model


def _look_up(
    provider: str, model: str, base_url: str | None, given: Iterable[str]
) -> dict[str, Any]:
    """What the list of prices says of a model, for those fields that are not given."""
    if set(prices.FIELDS) <= set(given):
        return {}
    db.session.commit()  # no transaction is open while the list is read
    found = prices.find_prices(str(provider), model, base_url)
    return {name: value for name, value in found.items() if name not in given}


def _check_address(provider: str, base_url: str | None) -> None:
    if provider == Provider.OPENAI_COMPATIBLE and not base_url:
        raise Invalid("Say where its server is.", field="base_url")


def _check_key_stays(model: ModelConfig, changed: dict[str, Any]) -> None:
    """A key that nobody may read is not sent to another server than it was given for."""
    elsewhere = any(
        name in changed and changed[name] != getattr(model, name)
        for name in ("provider", "base_url")
    )
    if model.sealed_key and elsewhere and "api_key" not in changed:
        raise Invalid(
            "Its key was given for another server: enter the key for this one, or take it away.",
            field="api_key",
        )


def _check_name(model: ModelConfig) -> None:
    """Raise Conflict where the built-in model has its name."""
    if model.name in (EXTRACTIVE, full_name(EXTRACTIVE, EXTRACTIVE)):
        name = model.name
        db.session.rollback()
        raise _name_taken(name)


def _name_taken(name: str) -> Conflict:
    return Conflict(
        f"There is a model called {name} already.",
        code="model_exists",
        field="name",
        suggestions=["Give this one a name of its own."],
    )


def _flush(model: ModelConfig) -> None:
    name = model.name
    try:
        db.session.flush()
    except IntegrityError as error:
        db.session.rollback()
        raise _name_taken(name) from error


def _check_uses(model: ModelConfig, different: dict[str, Any]) -> None:
    """Agents that name it by a name that it would lose could not run any more."""
    if not set(different) & {"name", "provider", "model"}:
        return
    after = [different.get(name, getattr(model, name)) for name in ("name", "provider", "model")]
    kept = {str(model.id), after[0], full_name(after[1], after[2])}
    lost = [name for name in _names_of(model) if name not in kept]
    answers = signals.models_named.send(organization_id=model.organization_id, names=lost)
    uses = [use for answer in answers for use in answer]
    if lost and uses:
        raise Conflict(
            f"{_in_a_sentence(uses)} would not find it any more: it is called {lost[0]} there.",
            code="model_in_use",
            field="name",
            extras={"agents": [use.name for use in uses]},
            suggestions=["Keep its name, or give them another model first."],
        )


def _names_of(model: ModelConfig) -> list[str]:
    """By which agents mean this one: `provider:model` may be another's name, or an older one's."""
    return [
        name
        for name in model.references
        if model.is_built_in
        or name != model.full_name
        or find_model(model.organization_id, name) is model
    ]


def _in_a_sentence(uses: list[signals.Use]) -> str:
    named = ", ".join(use.name for use in uses[:3])
    more = len(uses) - 3
    return f"{named} and {more} more" if more > 0 else named


def _differing(model: ModelConfig, changed: dict[str, Any]) -> dict[str, Any]:
    """The columns that become others. A key that is given is another: which, nobody compares."""
    values = dict(changed)
    if "api_key" in values:
        key = values.pop("api_key")
        values["sealed_key"] = sealing.seal(key) if key else None
    if "provider" in values:
        values["provider"] = str(values["provider"])
    return {name: value for name, value in values.items() if getattr(model, name) != value}


def _lock(organization_id: UUID) -> None:
    get_locked(select(Organization).where(Organization.id == organization_id))


def _count(organization_id: UUID) -> int:
    ids = select(ModelConfig.id).where(ModelConfig.organization_id == organization_id)
    return len(db.session.scalars(ids).all())


def _take_default_away(organization_id: UUID) -> None:
    db.session.execute(
        update(ModelConfig)
        .where(ModelConfig.organization_id == organization_id, ModelConfig.is_default)
        .values(is_default=False)
    )


def _as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
