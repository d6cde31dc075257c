"""Look a model up in the list of prices that genai-prices brings; nothing is fetched.

Run as a program in the engine's sandbox, because the list takes 10 MB that nobody else needs: a
request on standard input, an answer, both JSON, on standard output. Costs are US dollars per
million tokens; what is not known is null.
"""

from __future__ import annotations

import json
import sys
from typing import Any

#: so few that no price for long prompts applies, where a provider has several
TOKEN_COUNT = 1000
MILLION = 1_000_000


def look_up(provider: str, model: str, base_url: str | None) -> dict[str, Any]:
    """`{"input_cost", "output_cost", "max_context_tokens"}` of a model."""
    from genai_prices import Usage, calc_price

    usage = Usage(input_tokens=TOKEN_COUNT, output_tokens=TOKEN_COUNT)
    try:
        if provider == "openai-compatible":
            # A server of one's own is known by its address, if at all.
            found = calc_price(usage, model, provider_api_url=base_url)
        else:
            found = calc_price(usage, model, provider_id=provider)
    except (LookupError, ValueError):
        return {"input_cost": None, "output_cost": None, "max_context_tokens": None}
    return {
        "input_cost": float(found.input_price * MILLION / TOKEN_COUNT),
        "output_cost": float(found.output_price * MILLION / TOKEN_COUNT),
        "max_context_tokens": found.model.context_window,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(look_up(**json.load(sys.stdin))))
