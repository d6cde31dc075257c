"""Write `docs/errors.md` from the code: every problem code, what it says and what to do about it.

A code is where a refusal is raised: `raise Conflict("…", code="…", suggestions=["…"])`. Values in
its sentence become "…"; codes that Flask and gunicorn cause stand in `core/errors.py`.

Run as `python -m tools.error_codes`.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from webapp.core import errors
from webapp.core.errors import HTTP_CODES, DomainError

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "errors.md"

INTRODUCTION = """\
# Errors

<!-- Written by `make errors` from the code. -->

Every refusal is an RFC 9457 problem (`application/problem+json`) with a stable `code`:

```json
{"type": "about:blank", "title": "Conflict", "status": 409, "code": "handle_taken",
 "detail": "The handle helper is taken.", "instance": "/api/v1/agents", "request_id": "…",
 "errors": [{"field": "handle", "message": "The handle helper is taken.", "code": "handle_taken"}],
 "suggestions": ["Choose another handle; a deleted agent keeps its own."]}
```

`detail` is a sentence for people, `errors` names fields (their own codes are pydantic's: `missing`,
`string_too_long`, …), `extras` holds what a script may need, and `suggestions` what to do next.
`request_id` is in the log too. Below, … stands for the things that a sentence names.
"""

#: what to do where nothing more is said
ADVICE = {
    400: "Correct what the request names or how it is written; the same request fails again.",
    401: "Send a good API key, or sign in.",
    403: "Ask an admin for the right, or use a key that has it.",
    404: "Check the address and the id; what another organization has is not there either.",
    405: "Use one of the methods in `Allow`.",
    408: "Send the whole request without a long pause in the middle.",
    409: "Read the thing again: its present state does not allow this.",
    412: "Read it again, look at what changed, and send the change once more.",
    413: "Send less at a time, or let the operator raise the limit.",
    414: "Shorten the address; long filters go into a body.",
    415: "Send the `Content-Type` that the address reads.",
    417: "Leave the header `Expect` out.",
    422: "Correct the fields in `errors`; the same request fails again.",
    429: "Wait as long as `Retry-After` says.",
    431: "Send fewer or shorter headers.",
    500: "Try again; if it stays, give the operator the `request_id`.",
    501: "Send the body whole or with `Transfer-Encoding: chunked`.",
    503: "Try again after `Retry-After`; the sentence ends with what became of the change.",
}


@dataclass
class Code:
    """One code, with the sentences and suggestions of all places that raise it."""

    name: str
    status: int
    sentences: list[str] = field(default_factory=list)
    suggestions: list[str] = field(default_factory=list)

    def add(self, sentence: str | None, suggestions: list[str]) -> None:
        self.sentences += [sentence] if sentence and sentence not in self.sentences else []
        self.suggestions += [text for text in suggestions if text not in self.suggestions]

    @property
    def row(self) -> str:
        says = "<br>".join(self.sentences[:4]) or "–"
        todo = " ".join(self.suggestions[:3]) or "–"
        return f"| `{self.name}` | {says} | {todo} |".replace("\n", " ")


def page() -> str:
    """The whole page."""
    codes = find_codes()
    sections = [INTRODUCTION]
    for status in sorted({code.status for code in codes}):
        rows = [code.row for code in codes if code.status == status]
        sections.append(
            f"## {status} {HTTPStatus(status).phrase}\n\n{ADVICE[status]}\n\n"
            "| code | says | what to do |\n|---|---|---|\n" + "\n".join(rows) + "\n"
        )
    return "\n".join(sections)


def find_codes() -> list[Code]:
    """Every code of the application, by status and name."""
    found: dict[tuple[int, str], Code] = {}

    def code_of(status: int, name: str) -> Code:
        return found.setdefault((status, name), Code(name, status))

    for status, name in HTTP_CODES.items():
        code_of(status, name)
    for kind in _kinds().values():
        code_of(kind.status, kind.code).add(inspect.getdoc(kind), [])
    for path in sorted((ROOT / "webapp").rglob("*.py")):
        tree = ast.parse(path.read_text())
        for status, name, sentence, suggestions in _refusals(tree):
            is_own = name not in {kind.code for kind in _kinds().values()}
            code_of(status, name).add(sentence if is_own else None, suggestions if is_own else [])
    return sorted(found.values(), key=lambda code: (code.status, code.name))


def _kinds() -> dict[str, type[DomainError]]:
    return {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, DomainError) and kind is not DomainError
    }


def _refusals(tree: ast.AST) -> Iterator[tuple[int, str, str | None, list[str]]]:
    """Status, code, sentence and suggestions of each refusal that a module may raise."""
    kinds = _kinds()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        words = {keyword.arg: keyword.value for keyword in node.keywords}
        advice = (words.get("suggestions"), words.get("api_suggestions"))
        suggestions = [text for value in advice for text in _texts(value) if text]
        names = _constants(words.get("code"))
        if node.func.id in kinds:
            sentence = _text(node.args[0]) if node.args else None
            for name in names:
                yield kinds[node.func.id].status, name, sentence, suggestions
        elif node.func.id == "problem" and len(node.args) > 1:
            for status in _constants(node.args[0]):
                for name in names:
                    yield int(status), name, _text(node.args[1]), suggestions


def _constants(node: ast.AST | None) -> list[str]:
    """The values that an expression can have, as far as they are written there."""
    if isinstance(node, ast.Constant):
        return [] if node.value is None else [str(node.value)]
    if isinstance(node, ast.IfExp):
        return _constants(node.body) + _constants(node.orelse)
    return []


def _texts(node: ast.AST | None) -> list[str | None]:
    if isinstance(node, ast.List | ast.Tuple):
        return [_text(item) for item in node.elts]
    if isinstance(node, ast.IfExp):
        return _texts(node.body) + _texts(node.orelse)
    return []


def _text(node: ast.AST) -> str | None:
    """A sentence with … for the values in it; None where it is made elsewhere."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.replace("|", "\\|")
    if isinstance(node, ast.JoinedStr):
        return "".join((_text(part) if isinstance(part, ast.Constant) else "…") or "…"
                       for part in node.values)  # fmt: skip
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return (_text(node.left) or "…") + (_text(node.right) or "…")
    return None


if __name__ == "__main__":
    PAGE.write_text(page())
