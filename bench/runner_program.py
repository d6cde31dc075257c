"""What an agent's run costs in a runner: a program that asks a model of OpenAI's protocol once."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from typing import Any

import httpx2
import pydantic_ai.models.anthropic  # noqa: F401 - held in memory, as by what runs agents
from pydantic_ai import Agent
from pydantic_ai.exceptions import ModelAPIError
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from webapp.engine.channel import Channel

#: made once: each costs 30 ms of processor time
TRUSTED = ssl.create_default_context()


def run(order: dict[str, Any], channel: Channel) -> None:
    channel.tell({"begun": True})
    if "base_url" in order:
        asyncio.run(ask(order["base_url"]))
        channel.ask({"ask": "may I end?"})


async def ask(base_url: str) -> None:
    async with httpx2.AsyncClient(verify=TRUSTED, timeout=60) as client:
        provider = OpenAIProvider(base_url=base_url, api_key="none", http_client=client)
        agent = Agent(OpenAIChatModel("probe", provider=provider), instructions="Answer briefly.")
        result = await agent.run("What is known of basalt?")
        assert result.output


def warm_up() -> None:
    """Load what the first question loads: nobody answers it."""
    with suppress(ModelAPIError):
        asyncio.run(ask("http://127.0.0.1:9/v1"))
