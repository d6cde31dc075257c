"""What the audit looks like from outside."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, ValidationInfo

from webapp.audit.services import Selection
from webapp.core import clock
from webapp.core.lists import DEFAULT_LIMIT, Limit
from webapp.core.ranges import Range
from webapp.core.schemas import FirstMoment, LastMoment, Query, ResponseModel, Shaped

#: what the page's filter of actions calls every refused attempt
REFUSED = "refused"
#: how an export is written
Format = Literal["csv", "jsonl"]


#: the last moment or day of a time that begins with `since`
T = TypeVar("T", datetime | None, date | None)


def _after_first(last: T, info: ValidationInfo) -> T:
    first = info.data.get("since")
    if first and last and last < first:
        raise ValueError("must not be before the first day or moment")
    return last


def _known(zone: str) -> str:
    if zone not in clock.known_zones():
        raise ValueError("must be a time zone such as Europe/Berlin")
    return zone


#: days of years in which every zone has all its days
Day = Annotated[date | None, Field(ge=date(1900, 1, 1), le=date(9000, 1, 1))]


class AuditQuery(Query):
    """The filters of the page, as they stand in its address."""

    who: str = Field("", max_length=320)
    what: str = Field("", max_length=60)
    thing: str = Field("", max_length=300)
    range: Range | None = None
    #: the first and the last day, of the zone
    since: Day = Field(None, alias="from")
    until: Annotated[Day, AfterValidator(_after_first)] = Field(None, alias="to")
    zone: Annotated[str, AfterValidator(_known)] = "UTC"
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
            since=self._moment(self.since, time.min),
            until=self._moment(self.until, time.max),
            request_id=self.request,
        )

    def _moment(self, day: date | None, at: time) -> datetime | None:
        return datetime.combine(day, at, ZoneInfo(self.zone)) if day else None


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
    until: Annotated[LastMoment, AfterValidator(_after_first)] = Field(
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
