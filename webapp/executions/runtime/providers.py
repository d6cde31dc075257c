"""What an order's model is sent beside the messages, and what its answers cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import genai_prices
from pydantic_ai.messages import ModelResponse
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage

#: without a sign of life
SILENCE_SECONDS = 120.0
REQUEST_SECONDS = 600.0
#: Anthropic's protocol wants a number; pydantic-ai's own depends on the model's name.
ANTHROPIC_MAX_TOKENS = 8192
#: of an agent's model_overrides, what goes to the model as it is, and its type
_SETTINGS: dict[str, type | tuple[type, ...]] = {
    "temperature": (int, float),
    "top_p": (int, float),
    "frequency_penalty": (int, float),
    "presence_penalty": (int, float),
    "max_tokens": int,
    "seed": int,
}


def make_settings(order: Mapping[str, Any]) -> ModelSettings:
    """What is sent with each request. Nothing is repeated here: the retry policy says when."""
    limits = order["limits"]
    settings: Any = {
        "max_retries": 0,
        "timeout": silence_of(order),
        "request_timeout": min(REQUEST_SECONDS, limits.get("seconds", REQUEST_SECONDS)),
    }
    if order["model"]["provider"] == "anthropic":
        settings["max_tokens"] = ANTHROPIC_MAX_TOKENS
    given = order["agent"].get("model_overrides") or {}
    for setting, kind in _SETTINGS.items():
        if isinstance(given.get(setting), kind) and not isinstance(given[setting], bool):
            settings[setting] = given[setting]
    made: ModelSettings = settings
    return made


def silence_of(order: Mapping[str, Any]) -> float:
    """How long a server may say nothing, in seconds."""
    return float(order["limits"].get("silence_seconds", SILENCE_SECONDS))


def cost_of(response: ModelResponse, model: Mapping[str, Any]) -> float | None:
    """What an answer cost, in USD: by the model's own prices, else by the list's, else None."""
    usage = response.usage
    if usage.unmeasured_requests:
        return None
    per_input, per_output = model.get("input_cost"), model.get("output_cost")
    if per_input is not None and per_output is not None:
        used = usage.input_tokens * per_input + usage.output_tokens * per_output
        return float(used) / 1_000_000
    for name in dict.fromkeys((response.model_name, model["model"])):
        try:
            price = _list_price(usage, str(name), model)
        except (LookupError, ValueError):
            continue
        return float(price.total_price)
    return None


def _list_price(
    usage: RequestUsage, name: str, model: Mapping[str, Any]
) -> genai_prices.types.PriceCalculation:
    if model["provider"] == "openai-compatible":
        return genai_prices.calc_price(usage, name, provider_api_url=str(model["base_url"]))
    return genai_prices.calc_price(usage, name, provider_id=model["provider"])
