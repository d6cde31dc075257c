"""How an entry of the audit reads on a page: "published the agent", "API key"."""

from __future__ import annotations

from webapp.audit.models import AuditEntry

PAST = {
    "archive": "archived",
    "cancel": "cancelled",
    "check index": "checked the index:",
    "confirm topics": "confirmed the topics of",
    "coverage_fell": "saw coverage fall of",
    "create": "created",
    "delete": "deleted",
    "deprecate": "deprecated",
    "dismiss": "dismissed",
    "grow": "added topics to",
    "import": "imported",
    "move": "moved agents to",
    "promote": "promoted",
    "publish": "published",
    "rebuild index": "rebuilt the index:",
    "reinstate": "reinstated",
    "reject topics": "rejected the topics of",
    "remove": "removed for good",
    "replace": "replaced",
    "restore": "restored",
    "retry": "tried again",
    "revoke": "revoked",
    "roll back": "rolled back",
    "scope": "chose the topics of",
    "start": "started",
    "sign_in": "signed in",
    "sign_out": "signed out",
    "targets": "set targets of",
    "update": "changed",
}
NOUNS = {
    "apikey": "API key",
    "unansweredquestion": "question",
    "upload": "file",
    "user": "member",
}
#: entries about oneself name nobody
ALONE = ("sign_in", "sign_out")


def verb(entry: AuditEntry) -> str:
    """What was done, as a past tense that its object follows."""
    return PAST.get(entry.action, entry.action.replace("_", " "))


def noun(entry: AuditEntry) -> str:
    """What kind of thing it was done to; nothing where the verb says it all."""
    return "" if entry.action in ALONE else NOUNS.get(entry.subject_type, entry.subject_type)


def aside(entry: AuditEntry) -> str:
    """What else is worth a glance."""
    detail = entry.detail
    if entry.action == "coverage_fell":
        return f"from {detail['from']:g} % to {detail['to']:g} %"
    if "semver" in detail:
        place = f" in {detail['environment']}" if detail.get("environment") else ""
        return f"{detail['semver']}{place}"
    if detail.get("files", 1) > 1:
        return f"and {detail['files'] - 1:,} more"
    return ""
