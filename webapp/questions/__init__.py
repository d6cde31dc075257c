"""Question: what somebody asks an agent or the documents, and the passages that answer it."""

from __future__ import annotations

from webapp.agents.figures import AgentFigures
from webapp.agents.permissions import EXECUTIONS_RUN
from webapp.agents.schemas import AgentResponse
from webapp.agents.tabs import (
    AgentAction,
    AgentColumn,
    AgentCommand,
    AgentFact,
    AgentTab,
    OwnedRows,
)
from webapp.audit.wording import Wording
from webapp.core.added_fields import AddedFields
from webapp.core.feature import Feature
from webapp.core.live import SocketRoute
from webapp.core.navigation import PaletteSearch, SearchPage, Section, SectionPages
from webapp.core.retention import Retention, forget_by
from webapp.core.signals import Receiver
from webapp.documents import signals as documents
from webapp.engine import Job
from webapp.questions import api, counts, figures, live, pages
from webapp.questions.models import AgentUsage, Question
from webapp.questions.unanswered import api as unanswered_api
from webapp.questions.unanswered import services as unanswered
from webapp.questions.unanswered.changes import schedule_closing
from webapp.questions.unanswered.models import UnansweredQuestion
from webapp.taxonomies.permissions import KNOWLEDGE_READ

FEATURE = Feature(
    blueprints=(pages.bp, api.bp, unanswered_api.bp),
    contributions=(
        SocketRoute("/ws/query/<agent_id>", live.query, EXECUTIONS_RUN),
        SocketRoute("/ws/ask/<agent_id>", live.ask, EXECUTIONS_RUN),
        live.FEED,
        live.DOCUMENT,
        live.PAGE_DOCUMENT,
        Receiver(documents.changed, schedule_closing),
        Job("unanswered", unanswered.close_of_unscoped),
        *figures.SWITCHES,
        AgentFigures(AgentUsage, figures.UsageFields, sorts=("total_queries",)),
        AddedFields(AgentResponse, figures.UsageFields),
        AgentTab("Ask", "questions.ask", position=20, permission=EXECUTIONS_RUN),
        AgentAction(
            "Ask",
            "questions.ask",
            permission=EXECUTIONS_RUN,
            applies=lambda agent: not agent.paused,
        ),
        AgentCommand("Ask {}", "questions.ask", permission=EXECUTIONS_RUN),
        AgentColumn(
            "Questions",
            "total_queries",
            "questions/_column.html",
            position=20,
            is_number=True,
            feed="questions",
            revision=counts.read_revision,
        ),
        AgentFact("Questions", "questions/_fact.html", position=20),
        OwnedRows("questions", counts.count_questions_of),
        Retention("questions", forget_by(Question.created_at), "history_days"),
        Retention(
            "unanswered questions", forget_by(UnansweredQuestion.last_asked_at), "history_days"
        ),
        Section("Search", "questions.search", "search", position=40, key="s"),
        SearchPage("questions.search"),
        PaletteSearch("Search all texts for “{}”", "questions.search", permission=KNOWLEDGE_READ),
        SectionPages("Search", ("questions.search",)),
        SectionPages("Agents", ("questions.ask",)),
        Wording(past={"dismiss": "dismissed"}, nouns={"unansweredquestion": "question"}),
    ),
)
