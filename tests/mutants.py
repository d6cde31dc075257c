"""Compare what a run of mutmut let live with the mutants that somebody has accepted.

`make mutants` runs both. A line of `tests/mutants.txt` names a function, how many of its mutants
may live, and why. More of them, or survivors of another function, are named here and end with 1.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ACCEPTED = Path(__file__).with_name("mutants.txt")
#: "    webapp.core.security.x__guard__mutmut_3: survived"
RESULT = re.compile(r"^\s*(\S+)__mutmut_(\d+): (survived|no tests)$", re.M)


def read_accepted() -> dict[str, int]:
    """How many mutants of each function may live."""
    lines = [line.split(maxsplit=2) for line in ACCEPTED.read_text().splitlines()]
    return {name: int(count) for name, count, _why in (line for line in lines if line[0] != "#")}


def main() -> int:
    command = [sys.executable, "-m", "mutmut", "results"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    living: dict[str, list[str]] = defaultdict(list)
    for match in RESULT.finditer(printed):
        living[match[1]].append(match[0].strip())
    accepted = read_accepted()
    left = [
        line
        for name, lines in living.items()
        if len(lines) > accepted.get(name, 0)
        for line in lines
    ]
    print("\n".join([*left, f"{len(left)} mutants live that nobody has accepted."]))
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
