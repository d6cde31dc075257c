"""What the audit looks like from outside."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from webapp.audit.services import Selection
from webapp.core.lists import DEFAULT_LIMIT, Limit
from webapp.core.ranges import Range
from webapp.core.schemas import FirstMoment, LastMoment, Query, ResponseModel, Shaped

#: what the page's filter of actions calls every refused attempt
REFUSED = "refused"
#: how an export is written
Format = Literal["csv", "jsonl"]


class AuditQuery(Query):
    """The filters of the page, as they stand in its address."""

    who: str = Field("", max_length=320)
    what: str = Field("", max_length=60)
    thing: str = Field("", max_length=300)
    range: Range | None = None
    #: the entries of one request, each by itself
    request: str = Field("", max_length=128)
    #: only entries with a lower id: where the part before ended
    before: int | None = Field(None, ge=1, le=2**63 - 1)

    @property
    def selection(self) -> Selection:
        return Selection(
            actor=self.who,
            action="" if self.what == REFUSED else self.what,
            is_refused=True if self.what == REFUSED else None,
            subject=self.thing,
            span=self.range.span if self.range else None,
            request_id=self.request,
        )


class PageExportQuery(AuditQuery):
    format: Format = "csv"


class EntryFilter(Query):
    """The filters of the API."""

    actor: str = Field("", max_length=320, description="A part of the e-mail or the key's name")
    action: str = Field("", max_length=60, description="What was done", examples=["create"])
    subject: str = Field(
        "", max_length=300, description="A part of the name of what it was done to, or its id"
    )
    since: FirstMoment = Field(
        None, alias="from", description="The first moment; a day counts from its beginning"
    )
    until: LastMoment = Field(
        None, alias="to", description="The last moment; a day counts to its end"
    )
    request_id: str = Field("", max_length=128, description="What was done in one request")
    refused: bool | None = Field(
        None, description="true: attempts that were refused; false: what was done"
    )

    @property
    def selection(self) -> Selection:
        return Selection(
            actor=self.actor,
            action=self.action,
            subject=self.subject,
            since=self.since,
            until=self.until,
            request_id=self.request_id,
            is_refused=self.refused,
        )


Cursor = Annotated[str, Shaped("[1-9][0-9]{0,17}", "the `next_cursor` of an answer")]


class EntryQuery(EntryFilter):
    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor | None = Field(None, description="The `next_cursor` of the answer before")

    @property
    def before(self) -> int | None:
        return int(self.cursor) if self.cursor else None


class ExportQuery(EntryFilter):
    format: Format = Field("jsonl", description="JSON lines, or CSV with a line of names")


class EntryResponse(ResponseModel):
    id: int
    created_at: datetime
    actor: str = Field(
        description="The e-mail as it was then; of an API key, the one of whose it is",
        examples=["alice@example.com"],
    )
    actor_kind: str = Field(description="`user`, `api_key` or `system`", examples=["user"])
    actor_id: UUID | None = Field(description="The user or the API key")
    key_name: str | None = Field(description="The name of the API key, where one was used")
    action: str = Field(examples=["create"])
    subject_type: str = Field(examples=["agent"])
    subject_id: str
    subject_name: str = Field(description="Its name as it was then", examples=["Triage"])
    detail: dict[str, Any]
    request_id: str | None


class EntriesResponse(ResponseModel):
    items: list[EntryResponse]
    next_cursor: str | None = Field(description="Null at the end of the log")
