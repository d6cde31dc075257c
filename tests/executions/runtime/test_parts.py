"""The parts of the runtime that need no runner."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic_ai.messages import ModelResponse
from pydantic_ai.usage import RequestUsage

from tests.executions.runtime.conftest import PASSAGES
from webapp.executions.runtime.knowledge import Passages
from webapp.executions.runtime.providers import cost_of
from webapp.executions.runtime.tools import calculate, calculator, current_time


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("7 // 2 + 7 % 2", 4),
        ("-2 ** 2", -4),
        ("sqrt(2 ** 4) + max(1, 2)", 6.0),
        ("round(pi, 2)", 3.14),
        (" 10 / 4 ", 2.5),
    ],
)
def test_the_calculator_calculates(expression: str, value: float) -> None:
    assert calculate(expression) == value


@pytest.mark.parametrize(
    "expression",
    ["", "1 +", "x", "True", "'a' * 3", "[1]", "len('a')", "print(1)", "().__class__",
     "1 if 1 else 2", "10 ** 400", "2 ** 2000", "(10 ** 200) * (10 ** 200)", "(-1) ** 0.5",
     "round(1, ndigits=1)",
     "1 / 0", "abs()", "1" * 501, "0 ** -1", "exp(1000)"],
)  # fmt: skip
def test_the_calculator_refuses_in_words_what_is_no_arithmetic(expression: str) -> None:
    assert asyncio.run(calculator(expression)).startswith("That cannot be calculated: ")


def test_the_time_is_that_of_the_zone() -> None:
    assert "+00:00" in asyncio.run(current_time())
    for name in ("Mars/Olympus", "/etc/passwd"):
        assert f"There is no time zone '{name}'" in asyncio.run(current_time(name))


def test_passages_keep_their_numbers_and_are_cited_in_the_order_of_the_text() -> None:
    passages = Passages()
    assert passages.show(PASSAGES[:2]).startswith("[1] Handbook › Holidays\nEverybody")
    assert "[3] Menu" in passages.show(PASSAGES[1:])
    cited = passages.cited("Fish [3], and then [2, 1] and [3]; not [9], [a] or [ 1 ].")
    assert [item["title"] for item in cited] == ["Menu", "Contract", "Handbook"]
    assert passages.cited("Nothing.") == []


def response(name: str | None = None, **usage: Any) -> ModelResponse:
    return ModelResponse(parts=[], model_name=name, usage=RequestUsage(**usage))


def test_a_model_s_own_prices_come_first() -> None:
    model = {"provider": "openai", "model": "gpt-4o", "input_cost": 10.0, "output_cost": 0.0}
    assert cost_of(response("gpt-4o", input_tokens=100, output_tokens=7), model) == 0.001


def test_the_list_knows_the_price_of_the_model_that_answered_else_of_that_asked() -> None:
    model = {"provider": "openai", "model": "gpt-4o", "input_cost": None, "output_cost": None}
    used = {"input_tokens": 1_000_000, "output_tokens": 0}
    assert cost_of(response("gpt-4o-2024-08-06", **used), model) == 2.5
    assert cost_of(response("the-gateway-s-own-name", **used), model) == 2.5


def test_a_price_that_nobody_knows_is_none() -> None:
    unknown = {"provider": "openai", "model": "gpt-99-ours", "input_cost": None}
    assert cost_of(response("gpt-99-ours", input_tokens=5), unknown) is None
    compatible = {"provider": "openai-compatible", "model": "llama", "base_url": "http://[::1]/v1"}
    assert cost_of(response("llama", input_tokens=5), compatible) is None
