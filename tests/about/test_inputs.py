"""No test holds what would harm other software: limits are set low, and inputs are ordinary.

Whoever reads such a test would have a file that hangs or fills somebody else's reader. What no
scan can see, such as a PDF without end, is a matter of review (docs/tests.md).
"""

from __future__ import annotations

import ast
import operator
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]
#: how deep JSON, HTML or XML may be nested, and how long a text may be, in bytes
DEPTH, LENGTH = 100, 2 * 2**20
#: an XML entity that is declared, wherever it is used then
ENTITY = re.compile(r"<!" + "ENTITY")
OPERATORS: dict[type[ast.operator], Any] = {
    ast.Mult: operator.mul,
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.LShift: operator.lshift,
    ast.Pow: operator.pow,
}


class Tags(HTMLParser):
    """How many elements a text leaves open."""

    open = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open += 1

    def handle_endtag(self, tag: str) -> None:
        self.open -= 1


def depth(text: str) -> int:
    """How many levels a text goes further down, in JSON or in HTML."""
    tags = Tags()
    tags.feed(text)
    return max(tags.open, text.count("[") + text.count("{") - text.count("]") - text.count("}"))


def number(node: ast.AST) -> int | None:
    """The number that is written there, `1024 * 1024 + 1` as well."""
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        left, right = number(node.left), number(node.right)
        if left is not None and right is not None:
            return int(OPERATORS[type(node.op)](left, right))
    return node.value if isinstance(node, ast.Constant) and type(node.value) is int else None


def harms(source: str) -> list[str]:
    """The lines of a program that make what is too deep or too long, or declare an entity."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            if ENTITY.search(str(node.value)):
                found.append(f"line {node.lineno}: an entity")
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            for value, count in ((node.left, node.right), (node.right, node.left)):
                times = number(count)
                if times is None or not isinstance(value, ast.Constant | ast.JoinedStr | ast.List):
                    continue
                text = ast.unparse(value)
                if isinstance(value, ast.Constant):
                    if not isinstance(value.value, str | bytes):
                        continue
                    text = (
                        value.value
                        if isinstance(value.value, str)
                        else value.value.decode("latin-1")
                    )
                if depth(text) * times > DEPTH or len(text) * times > LENGTH:
                    found.append(f"line {node.lineno}: {times:,} times {text[:20]!r}")
    return found


def test_no_test_makes_what_would_harm_other_software() -> None:
    found = {path.name: harms(path.read_text()) for path in TESTS.rglob("*.py")}
    assert len(found) > 100
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("x = '[' * 101", 1), ("x = 101 * b'{'", 1), ("x = '<div>' * 101", 1),
        ("x = '[' * 100", 0), ("x = '<p>x</p>' * 101 + '<!-- x -->' * 101", 0),
        ("x = 'x' * (2 * 1024 * 1024)", 0), ("x = b'x' * (3 << 20)", 1),
        ("x = '<!' 'ENTITY a>'", 1), ("x = 7 * 3 * y", 0),
    ],
)  # fmt: skip
def test_it_would_be_seen(source: str, count: int) -> None:
    assert len(harms(source)) == count
