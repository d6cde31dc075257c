"""The program of a test: it asks a model one small thing, and tells what came back."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from webapp.engine.channel import Channel

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse

QUESTION = "Say that you are ready, in one short sentence."
#: Enough for models that think before they speak.
MAX_TOKENS = 512
MAX_ANSWER = 500


def run(order: dict[str, Any], channel: Channel) -> None:
    """Answer `{"model", "seconds"}` with `{"answer": …}` or `{"failure": …}`, told last."""
    logging.disable()  # what clients log has addresses and headers in it
    channel.tell(asyncio.run(_ask(order["model"], order["seconds"])))


async def _ask(model: dict[str, Any], seconds: float) -> dict[str, Any]:
    # Imported here, and not in the parent that waits for the next test: they take 90 MB.
    from pydantic_ai.direct import model_request
    from pydantic_ai.messages import ModelRequest

    from webapp.catalog.providers.clients import Connection, make_model
    from webapp.catalog.providers.failed import Failed
    from webapp.catalog.providers.failures import explain

    connection = Connection(silence_seconds=seconds)
    began = time.monotonic()
    try:
        answer = await model_request(
            make_model(model, connection),
            [ModelRequest.user_text_prompt(QUESTION)],
            model_settings={
                "max_retries": 0,
                "max_tokens": MAX_TOKENS,
                "request_timeout": seconds,
            },
        )
    except Failed as failed:
        return {"failure": failed.as_json()}
    except Exception as error:
        return {"failure": explain(error, model, connection.said).as_json()}
    return {"answer": _describe(answer, time.monotonic() - began)}


def _describe(answer: ModelResponse, seconds: float) -> dict[str, Any]:
    usage = answer.usage
    is_counted = bool(usage.input_tokens or usage.output_tokens)
    return {
        "text": (answer.text or "").strip()[:MAX_ANSWER],
        "finish_reason": answer.finish_reason,
        "duration_ms": round(seconds * 1000),
        "input_tokens": usage.input_tokens if is_counted else None,
        "output_tokens": usage.output_tokens if is_counted else None,
    }
