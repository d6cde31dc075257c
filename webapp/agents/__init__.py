"""Agent: a definition (instructions, model, tools, hand-offs) with a knowledge scope.

`models` has the three tables; `services` the life of one agent. What is done with definitions has
a folder of its own: `versions`, `releases`, `handoffs`, `transfer` (export and import), `bulk`.
"""

from __future__ import annotations

from importlib import import_module

from apiflask import APIFlask

PARTS = ("", ".versions", ".releases", ".handoffs", ".transfer", ".bulk")


def init_app(app: APIFlask) -> None:
    from webapp.agents import live

    live.register()
    for part in PARTS:
        for face in ("pages", "api"):
            app.register_blueprint(import_module(f"webapp.agents{part}.{face}").bp)
