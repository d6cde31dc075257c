"""The model of an order (`ModelConfig.as_order()`), as pydantic-ai asks it."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx2
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIStreamedResponse
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
from pydantic_ai.usage import RequestUsage

from webapp.catalog.providers.failed import Failed
from webapp.catalog.providers.failures import CHECK_KEY

CONNECT_SECONDS = 10.0
#: what is kept of an answer, to say what a provider said
KEPT_BYTES = 4_096


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
