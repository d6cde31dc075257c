"""Account: an organization, the users who belong to it, their sessions and API keys."""

from __future__ import annotations

from datetime import timedelta

from webapp.accounts import api, cli, identity, pages, permissions
from webapp.accounts.models import SESSION_LIFETIME, PasswordLink, Session
from webapp.accounts.preferences import Theme
from webapp.accounts.tabs import SettingsTab, settings_tabs
from webapp.audit.wording import Wording
from webapp.core.actor import ORGANIZATION_READ
from webapp.core.feature import Feature
from webapp.core.navigation import FramePart, PaletteAction, PalettePage, Section, SectionPages
from webapp.core.retention import Retention, forget_by
from webapp.core.security import Identity

pages.members.bp.add_app_template_global(settings_tabs)

FEATURE = Feature(
    blueprints=(*pages.BLUEPRINTS, api.bp),
    commands=(cli.organizations, cli.set_password),
    contributions=(
        ORGANIZATION_READ,
        *permissions.PERMISSIONS,
        Identity(identity.identify, identity.rights_of_many, sign_in="entry.new_session"),
        FramePart("brand", "accounts/_logo.html"),
        FramePart("account", "accounts/_who.html"),
        # A session or link of that age lets nobody in, revoked or not.
        Retention("sessions", forget_by(Session.last_seen_at), SESSION_LIFETIME),
        Retention("password links", forget_by(PasswordLink.expires_at), timedelta()),
        Section("Settings", "profile.settings", "settings", position=60, key=","),
        SectionPages("Settings", ("members", "api_keys", "organization", "profile")),
        SettingsTab("Profile", "profile.show", position=10, permission=permissions.ACCOUNT_READ),
        SettingsTab("Organization", "organization.show", position=20),
        SettingsTab("Members", "members.index", position=30),
        SettingsTab("API keys", "api_keys.index", position=40),
        PalettePage("Profile", "profile.show", words=("password", "time zone", "sessions")),
        PalettePage("Organization", "organization.show", words=("logo",)),
        PalettePage("Members", "members.index", words=("invite", "people", "users")),
        PalettePage("API keys", "api_keys.index"),
        *(
            PaletteAction(
                f"{theme.capitalize()} theme",
                "profile.update_theme",
                permission=permissions.ACCOUNT_WRITE,
                fields={"theme": theme.value},
                words=(f"{theme} mode",),
                stays=True,
            )
            for theme in Theme
        ),
        PaletteAction("Sign out", "entry.destroy_session", fields={}, words=("log out", "logout")),
        Wording(
            past={
                "change_password": "changed their password",
                "decline": "declined to join",
                "invite": "invited",
                "join": "joined",
                "password_link": "made a link to reset the password of",
                "remove_logo": "removed the logo of",
                "remove_member": "removed",
                "renew_invitation": "made another invitation link for",
                "reset_password": "chose a new password by a link",
                "revoke": "revoked",
                "set_logo": "changed the logo of",
                "set_password": "set the password of",
                "sign_in": "signed in",
                "sign_out": "signed out",
                "sign_out_others": "signed out all other browsers",
                "update_profile": "changed their profile",
            },
            nouns={"apikey": "API key", "membership": "member", "user": "member"},
            alone=(
                "change_password",
                "decline",
                "join",
                "reset_password",
                "sign_in",
                "sign_out",
                "sign_out_others",
                "update_profile",
            ),
        ),
    ),
)
