"""A worker whose executions run scripts, for tests that kill one.

`python -m tests.executions.worker` starts it.
"""

from __future__ import annotations

from webapp import create_app, engine
from webapp.config import Settings
from webapp.engine import worker
from webapp.engine.registry import get_registry
from webapp.executions import jobs

if __name__ == "__main__":
    app = create_app(Settings.from_environment())
    get_registry(app).programs.clear()
    engine.register(app, programs=[engine.Program("script", "tests.executions.script")])
    jobs.program_of = lambda _model: "script"
    worker.main(app)
