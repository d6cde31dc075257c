from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask_wtf.file import FileField, FileRequired
from markupsafe import Markup
from wtforms import (
    BooleanField,
    DateTimeLocalField,
    EmailField,
    Field,
    HiddenField,
    PasswordField,
    SelectField,
    StringField,
    ValidationError,
)
from wtforms.validators import DataRequired, Length, Optional

from webapp.accounts.models import MAX_NAME
from webapp.accounts.organizations import MAX_LOGO
from webapp.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from webapp.accounts.preferences import LOCALES, Theme, time_zones
from webapp.core import clock
from webapp.core.actor import ROLE_MEANINGS, Role
from webapp.core.forms import Form

ROLES = [(role.value, role.value.capitalize()) for role in Role]
ROLES_EXPLAINED = Markup("<br>").join(
    f"{role.value.capitalize()}: {meaning}" for role, meaning in ROLE_MEANINGS.items()
)


#: of a password that somebody chooses
NEW_PASSWORD = [
    DataRequired(),
    Length(min=MIN_LENGTH, message=f"Use at least {MIN_LENGTH} characters."),
    Length(max=MAX_LENGTH, message=f"Use at most {MAX_LENGTH} characters."),
]


def is_zone(_form: Form, field: Field) -> None:
    """Refuse what is no name of the IANA's; browsers have aliases that nobody chooses from."""
    if field.data not in clock.known_zones():
        raise ValidationError("There is no such time zone.")


class SignInForm(Form):
    email = EmailField(
        "E-mail",
        validators=[DataRequired()],
        render_kw={"autofocus": True, "autocomplete": "username"},
    )
    password = PasswordField(
        "Password",
        validators=[DataRequired(), Length(max=MAX_LENGTH)],
        render_kw={"autocomplete": "current-password"},
    )
    invitation = PasswordField(
        "Password you were added with",
        description="The one that the admin who added you has passed on.",
        validators=[Optional(), Length(max=MAX_LENGTH)],
    )


class InvitationForm(Form):
    password = PasswordField(
        "Password you were added with", validators=[DataRequired(), Length(max=MAX_LENGTH)]
    )


class NewPasswordForm(Form):
    password = PasswordField(
        "New password",
        description=f"At least {MIN_LENGTH} characters; it ends your sessions everywhere.",
        validators=NEW_PASSWORD,
        render_kw={"autocomplete": "new-password", "autofocus": True},
    )


class PasswordForm(Form):
    current = PasswordField(
        "Current password",
        validators=[DataRequired(), Length(max=MAX_LENGTH)],
        render_kw={"autocomplete": "current-password"},
    )
    password = PasswordField(
        "New password",
        description=f"At least {MIN_LENGTH} characters. Your other browsers are signed out.",
        validators=NEW_PASSWORD,
        render_kw={"autocomplete": "new-password"},
    )


class ProfileForm(Form):
    display_name = StringField(
        "Name",
        description="What other members see beside your e-mail.",
        validators=[Length(max=MAX_NAME)],
        render_kw={"autocomplete": "name"},
    )
    theme = SelectField(
        "Theme",
        choices=[
            (Theme.SYSTEM.value, "System"),
            (Theme.LIGHT.value, "Light"),
            (Theme.DARK.value, "Dark"),
        ],
        render_kw={"data-theme-select": True},
    )
    time_zone = SelectField(
        "Time zone",
        choices=lambda: [("", "The browser’s own"), *((zone, zone) for zone in time_zones())],
    )
    locale = SelectField("Numbers and dates", choices=list(LOCALES.items()))


class OrganizationForm(Form):
    name = StringField("Name", validators=[DataRequired(), Length(max=MAX_NAME)])


class LogoForm(Form):
    logo = FileField(
        "Picture",
        description=f"PNG, JPEG or WebP of at most {MAX_LOGO // 1024} KiB. It is shown whole in a "
        "small square, so that a wide one becomes low.",
        validators=[FileRequired("Choose a picture.")],
        render_kw={"accept": "image/png,image/jpeg,image/webp"},
    )


class SetupForm(Form):
    name = StringField(
        "Organization",
        validators=[DataRequired(), Length(max=MAX_NAME)],
        default="My organization",
    )
    email = EmailField(
        "Your e-mail",
        validators=[DataRequired()],
        render_kw={"autofocus": True, "autocomplete": "username"},
    )
    password = PasswordField(
        "Password",
        description=f"At least {MIN_LENGTH} characters.",
        validators=NEW_PASSWORD,
    )
    with_samples = BooleanField(
        "With sample data",
        description="Three agents, one of them grounded in Callboard's own documentation.",
        default=True,
    )


class MemberForm(Form):
    email = EmailField("E-mail", validators=[DataRequired()])
    role = SelectField(
        "Role", choices=ROLES, default=Role.MEMBER.value, description=ROLES_EXPLAINED
    )


class JoinForm(Form):
    password = PasswordField(
        "Password",
        description=(
            f"Choose one of at least {MIN_LENGTH} characters. If you have an account here already, "
            "give its password."
        ),
        validators=[DataRequired(), Length(max=MAX_LENGTH)],
        render_kw={"autocomplete": "new-password", "autofocus": True},
    )


class KeyForm(Form):
    name = StringField("Name", validators=[DataRequired(), Length(max=255)])
    role = SelectField(
        "Role", choices=ROLES, default=Role.MEMBER.value, description=ROLES_EXPLAINED
    )
    #: which the time is meant in
    zone = HiddenField("Time zone", validators=[is_zone])
    expires_at = DateTimeLocalField("Expires", validators=[Optional()])

    def __init__(self, *args: Any, own_zone: str = "", **options: Any) -> None:
        """`own_zone` is the person's; who has named none is asked in that of their browser."""
        super().__init__(*args, **options)
        self.zone.data = self.zone.data or own_zone or "UTC"
        self.zone.render_kw = {} if own_zone else {"data-zone": True}
        self.expires_at.description = Markup(
            "In the time zone <span data-zone-name>{}</span>. Left empty, the key does not expire."
        ).format(self.zone.data)

    def validate_expires_at(self, field: Field) -> None:
        if field.data and not self.zone.errors:
            try:
                clock.in_utc(field.data.replace(tzinfo=ZoneInfo(self.zone.data)))
            except ValueError as error:
                raise ValidationError("That is too far away.") from error

    @property
    def expires(self) -> datetime | None:
        """When the key expires."""
        moment = self.expires_at.data
        return moment.replace(tzinfo=ZoneInfo(self.zone.data)) if moment else None
