"""What a model costs, and how much it reads at once, as far as anybody has listed it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import structlog

from webapp.engine import sandbox

PROGRAM = str(Path(__file__).with_name("price_list.py"))
LIMITS = sandbox.Limits(seconds=10, cpu_seconds=10, output_bytes=1000)
FIELDS = ("input_cost", "output_cost", "max_context_tokens")

log = structlog.get_logger(__name__)


def find_prices(provider: str, model: str, base_url: str | None) -> dict[str, Any]:
    """FIELDS of a model, None where nobody knows; it takes about half a second."""
    question = {"provider": provider, "model": model, "base_url": base_url}
    try:
        output = sandbox.run(PROGRAM, limits=LIMITS, input=json.dumps(question).encode())
    except sandbox.SandboxError as error:
        log.warning("prices_not_found", reason=str(error))
        return dict.fromkeys(FIELDS)
    found = json.loads(output)
    return {name: found.get(name) for name in FIELDS}
