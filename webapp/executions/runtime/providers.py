"""The model of an order, as pydantic-ai asks it, and what its answers cost."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any

import genai_prices
import httpx2
from pydantic_ai.messages import ModelResponse
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIStreamedResponse
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage

from webapp.executions.runtime.failures import CHECK_KEY, Failed

CONNECT_SECONDS = 10.0
#: without a sign of life
SILENCE_SECONDS = 120.0
REQUEST_SECONDS = 600.0
#: Anthropic's protocol wants a number; pydantic-ai's own depends on the model's name.
ANTHROPIC_MAX_TOKENS = 8192
#: what is kept of an answer, to say what a provider said
KEPT_BYTES = 4_096
#: of an agent's model_overrides, what goes to the model as it is, and its type
_SETTINGS: dict[str, type | tuple[type, ...]] = {
    "temperature": (int, float),
    "top_p": (int, float),
    "frequency_penalty": (int, float),
    "presence_penalty": (int, float),
    "max_tokens": int,
    "seed": int,
}


@cache
def _get_trust() -> ssl.SSLContext:
    """The authorities that we trust: read once, for all runners."""
    return httpx2.create_ssl_context(trust_env=False)


class Connection:
    """A runner's one HTTP client; `said` is the last answer that was no stream."""

    def __init__(
        self, silence_seconds: float, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        self.said = ""
        self.client = httpx2.AsyncClient(
            timeout=httpx2.Timeout(silence_seconds, connect=CONNECT_SECONDS),
            trust_env=False,
            verify=_get_trust(),
            transport=transport,
            event_hooks={"response": [self._keep]},
        )

    async def _keep(self, response: httpx2.Response) -> None:
        self.said = ""
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            content = await response.aread()
            self.said = content[:KEPT_BYTES].decode(errors="replace")


class _StreamedResponse(OpenAIStreamedResponse):
    """Counts what servers repeat in each piece of a stream once: the last is the whole.

    A stream that says neither why it ends nor what it used has been cut; pydantic-ai takes it for
    whole, because some servers never say why.
    """

    def _add_usage(self, usage: RequestUsage, *, reported: bool, cumulative: bool = False) -> None:
        if reported:
            super()._add_usage(usage, reported=True, cumulative=True)

    def _missing_finish_reason(self) -> Any:
        return "stop" if self._usage_received else None


class _ChatModel(OpenAIChatModel):
    @property
    def _streamed_response_cls(self) -> type[OpenAIStreamedResponse]:
        return _StreamedResponse


def make_model(order: Mapping[str, Any], connection: Connection) -> Model:
    """The model that an order names. Raises Failed where it cannot be asked."""
    provider, name = order["provider"], str(order["model"])
    key, url = order.get("api_key") or None, order.get("base_url") or None
    client = connection.client
    if provider == "openai-compatible":
        if url is None:
            raise Failed("model_unknown", f"The model {name} has no base_url.")
        made = OpenAICompatibleProvider(
            "openai-compatible", base_url=url, api_key=key, http_client=client
        )
        return _ChatModel(name, provider=made)
    if provider not in ("openai", "anthropic"):
        raise Failed("model_unknown", f"Nothing here runs models of {provider}.")
    if key is None:
        raise Failed("upstream_auth", f"The model {provider}:{name} has no key.", CHECK_KEY)
    if provider == "anthropic":
        return AnthropicModel(
            name, provider=AnthropicProvider(api_key=key, base_url=url, http_client=client)
        )
    return _ChatModel(name, provider=OpenAIProvider(api_key=key, base_url=url, http_client=client))


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
