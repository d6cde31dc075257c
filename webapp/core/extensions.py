"""The Flask extensions, made once and bound to the application in `create_app`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_limiter import Limiter
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase, registry

from webapp.core.database.types import TYPES
from webapp.core.http import limits

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The base of every model; names constraints so that migrations can drop them."""

    registry = registry(
        metadata=MetaData(naming_convention=_NAMES), type_annotation_map=dict(TYPES)
    )


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})
if TYPE_CHECKING:
    # Flask-SQLAlchemy builds `db.Model` from this base at run time, where mypy cannot follow.
    Model = Base
else:
    Model = db.Model
csrf = CSRFProtect()
limiter = Limiter(
    limits.key,
    application_limits=[limits.per_minute],
    storage_uri="process://",
    strategy="fixed-window",
    on_breach=limits.refuse_request,
)
