"""Profile: what people say of themselves and like to see. (A part of the accounts' services.)"""

from __future__ import annotations

from sqlalchemy import select

from webapp.accounts import preferences, services
from webapp.accounts.models import MAX_NAME, Membership, User
from webapp.accounts.preferences import Theme
from webapp.audit import services as audit
from webapp.core.actor import Actor
from webapp.core.errors import Invalid
from webapp.core.extensions import db


def read_names(*, actor: Actor) -> dict[str, str]:
    """The names that members of the actor's organization go by, by e-mail; of those who have one.

    Before somebody has joined, their name would tell that they have an account elsewhere.
    """
    rows = db.session.execute(
        select(User.email, User.display_name)
        .join(Membership, Membership.user_id == User.id)
        .where(
            Membership.organization_id == actor.organization_id,
            Membership.joined_at.is_not(None),
            User.display_name != "",
        )
    )
    return {row.email: row.display_name for row in rows}


def change_profile(
    *,
    actor: Actor,
    display_name: str | None = None,
    theme: Theme | None = None,
    time_zone: str | None = None,
    locale: str | None = None,
) -> User:
    """Change what is given of the actor's own profile; the same in all organizations.

    `time_zone` is a name of the IANA's, or empty for the browser's own. Raises Invalid on a value
    that is none.
    """
    actor.require_person()
    user = services.get_member(actor.user_id, actor=actor).user
    if display_name is not None and len(display_name.strip()) > MAX_NAME:
        raise Invalid(f"A name has at most {MAX_NAME} characters.", field="display_name")
    if time_zone and time_zone not in preferences.time_zones():
        raise Invalid(f"There is no time zone {time_zone}.", field="time_zone")
    if locale is not None and locale not in preferences.LOCALES:
        raise Invalid(f"There is no format {locale}.", field="locale")
    given = {
        "display_name": None if display_name is None else display_name.strip(),
        "theme": theme,
        "time_zone": time_zone,
        "locale": locale,
    }
    changed = {
        name: value
        for name, value in given.items()
        if value is not None and value != getattr(user, name)
    }
    if changed:
        for name, value in changed.items():
            setattr(user, name, value)
        audit.record(actor, "update_profile", user, **changed)
    db.session.commit()
    return user
