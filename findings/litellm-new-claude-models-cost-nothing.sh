#!/usr/bin/env bash
# litellm 1.110.2 (PyPI): a model that is not in the price list yet costs nothing, or is refused.
#
# Guess: what a model costs that the list does not have is an error, whoever makes it. Seen: it is for
# models that are named with their provider, `anthropic/claude-next` too; but the short name of a
# new model, "claude-opus-9", is known to be Anthropic's by its first letters, and its price is
# (0.0, 0.0). So a team that moves to a new model on its first day sees its spending end, and
# budgets are never used up. genai-prices 0.2.3 raises LookupError where it knows no price, and
# takes a new date of a known model for that model. Callboard reckons no costs yet.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check litellm==1.110.2 genai-prices==0.2.3
cat > finding.py <<'PYTHON'
from genai_prices import Usage, calc_price
from litellm import cost_per_token


def by_litellm(model):
    try:
        costs = cost_per_token(model=model, prompt_tokens=1000, completion_tokens=1000)
        return round(sum(costs), 6)
    except Exception as error:
        return type(error).__name__


def by_genai_prices(model):
    try:
        usage = Usage(input_tokens=1000, output_tokens=1000)
        return float(calc_price(usage, model_ref=model, provider_id="anthropic").total_price)
    except LookupError as error:
        return type(error).__name__


print([by_litellm(name) for name in ("claude-sonnet-4-5", "anthropic/claude-next", "claude-opus-9")])
print([by_genai_prices(name) for name in ("claude-sonnet-4-5", "claude-next")])
PYTHON
found=$(LITELLM_LOCAL_MODEL_COST_MAP=True venv/bin/python finding.py 2>/dev/null | grep '^\[[0-9]')
echo "$found"
expected="[0.018, 'ModelNotMappedError', 0.0]
[0.018, 'LookupError']"
[ "$found" = "$expected" ] || { echo "expected $expected"; exit 1; }
