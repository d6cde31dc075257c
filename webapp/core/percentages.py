"""How a percentage reads, in templates (the filter `percent`) and in sentences."""

from __future__ import annotations


def percent(value: float) -> str:
    """Of a hundred, for a reader: one decimal where there is one, "87.5 %", "40 %".

    Only what is whole is 100 %, and only what is nothing 0 %: 99.96 is "99.9 %".
    """
    shown = round(value, 1)
    if 0 < value < 100:
        shown = min(max(shown, 0.1), 99.9)
    return f"{shown:.1f}".removesuffix(".0") + " %"
