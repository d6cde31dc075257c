#!/usr/bin/env bash
# limits 5.8.0 (PyPI): a request that is refused uses up the window, for smaller ones as well.
#
# Guess: with 100 units an hour and 10 used, one request that costs 150 is refused and 90 are left.
# Seen: the fixed window, which is what Flask-Limiter takes unless told otherwise, adds the cost
# before it compares, so that nothing is left until the hour is over, and all small requests are
# refused with the big one that never ran. The moving window and the sliding counter leave the 90,
# so that a change of strategy changes what customers may do. `test()` before `hit()` keeps the
# units. Where every cost is 1, which is the usual example, nobody can tell. Who counts tokens or
# money by `cost` takes one of the other two. Callboard's own limits count requests, each of them
# 1.
#
# Installs from PyPI into a temporary folder; fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'limits==5.8.0'
"$folder/venv/bin/python" - <<'PYTHON'
from limits import RateLimitItemPerHour, strategies
from limits.storage import MemoryStorage

TOKENS = RateLimitItemPerHour(100)
COSTS = [10, 150, 5, 40]


def answers(strategy: type[strategies.RateLimiter]) -> list[bool]:
    limiter = strategy(MemoryStorage())
    return [limiter.hit(TOKENS, "acme", cost=cost) for cost in COSTS]


seen = {
    strategy.__name__: answers(strategy)
    for strategy in (
        strategies.FixedWindowRateLimiter,
        strategies.MovingWindowRateLimiter,
        strategies.SlidingWindowCounterRateLimiter,
    )
}
print(seen)
assert seen == {
    "FixedWindowRateLimiter": [True, False, False, False],
    "MovingWindowRateLimiter": [True, False, True, True],
    "SlidingWindowCounterRateLimiter": [True, False, True, True],
}
limiter = strategies.FixedWindowRateLimiter(MemoryStorage())
asked = [limiter.test(TOKENS, "acme", cost=cost) and limiter.hit(TOKENS, "acme", cost=cost)
         for cost in COSTS]
assert asked == [True, False, True, True]
PYTHON
