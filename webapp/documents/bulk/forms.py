from __future__ import annotations

from webapp.core.forms import Form
from webapp.documents.forms import TopicsField


class BulkForm(Form):
    topics = TopicsField("About", empty="")
