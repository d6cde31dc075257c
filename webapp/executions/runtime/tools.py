"""Tools that need nobody: the time and a calculator.

They are coroutines, because pydantic-ai starts a thread for each other function.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

MAX_EXPRESSION = 500
#: digits that a result, and what leads to it, may have
MAX_DIGITS = 300

_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "ceil": math.ceil,
    "exp": math.exp,
    "floor": math.floor,
    "log": math.log,
    "log10": math.log10,
    "max": max,
    "min": min,
    "round": round,
    "sqrt": math.sqrt,
}
_CONSTANTS = {"pi": math.pi, "e": math.e}


async def current_time(timezone: str = "UTC") -> str:
    """The present time.

    Args:
        timezone: A name of the IANA time zone database, like Europe/Berlin.
    """
    try:
        zone = ZoneInfo(timezone)
    except (LookupError, ValueError, OSError):
        return f"There is no time zone {timezone[:100]!r}. It is {datetime.now(UTC).isoformat()}."
    now = datetime.now(zone)
    return f"{now.isoformat(timespec='seconds')} ({now:%A})"


async def calculator(expression: str) -> str:
    """Calculate with + - * / // % **, brackets, pi, e, and
    abs ceil exp floor log log10 max min round sqrt.

    Args:
        expression: What to calculate, like (2 + 3) * 4 ** 0.5
    """
    try:
        return str(calculate(expression))
    except (ValueError, ArithmeticError, TypeError) as error:
        return f"That cannot be calculated: {error}"


def calculate(expression: str) -> int | float:
    """The value of an expression; ValueError, ArithmeticError or TypeError where it has none."""
    if len(expression) > MAX_EXPRESSION:
        raise ValueError(f"an expression has at most {MAX_EXPRESSION} characters.")
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError("it is no arithmetic expression.") from None
    return _value(tree.body)


def _value(node: ast.expr) -> int | float:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return _bounded(value)
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=sign) if type(sign) in _OPERATORS:
            return _bounded(_OPERATORS[type(sign)](_value(node.operand)))
        case ast.BinOp(op=ast.Pow()):
            return _bounded(_power(_value(node.left), _value(node.right)))
        case ast.BinOp(op=sign) if type(sign) in _OPERATORS:
            return _bounded(_OPERATORS[type(sign)](_value(node.left), _value(node.right)))
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in _FUNCTIONS:
            return _bounded(_FUNCTIONS[name](*map(_value, node.args)))
    raise ValueError(f"{ast.unparse(node)[:100]} is no arithmetic that this knows.")


def _power(base: int | float, exponent: int | float) -> int | float:
    """Refuses what would be too long before it is computed."""
    if abs(base) > 1 and abs(exponent) * math.log10(abs(base)) > MAX_DIGITS:
        raise ValueError(f"its result would have more than {MAX_DIGITS} digits.")
    result = base**exponent
    if isinstance(result, complex):
        raise ValueError("its result is no real number.")
    return result


def _bounded(value: Any) -> int | float:
    if not isinstance(value, int | float):
        raise ValueError("its result is no real number.")
    if isinstance(value, int) and abs(value) >= 10**MAX_DIGITS:
        raise ValueError(f"its result would have more than {MAX_DIGITS} digits.")
    return value
