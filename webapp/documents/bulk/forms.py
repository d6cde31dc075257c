from __future__ import annotations

from webapp.core.forms import Form
from webapp.taxonomies.forms import TopicsField


class BulkForm(Form):
    topics = TopicsField("Topics")
