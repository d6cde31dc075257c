"""The passages of an agent's documents that an answer stands on, and which of them it cites."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

#: characters of one passage that a model is shown
MAX_CHARACTERS = 6_000
CITATION = ("doc_id", "chunk_id", "title", "score")
_MARK = re.compile(r"\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
HOW_TO_CITE = (
    "Cite what you use of them by its number in brackets, like [1]. "
    "What they do not say, do not say in their name."
)


class Passages:
    """The passages that a model was shown, numbered from 1 in the order in which it saw them."""

    def __init__(self) -> None:
        self._seen: dict[Any, tuple[int, Mapping[str, Any]]] = {}

    def show(self, passages: Iterable[Mapping[str, Any]]) -> str:
        """The passages as a model reads them; those it has seen keep their number."""
        shown = []
        for passage in passages:
            key = passage.get("chunk_id")
            number, _passage = self._seen.setdefault(key, (len(self._seen) + 1, passage))
            title = " › ".join([str(passage.get("title") or ""), *passage.get("heading_path", [])])
            shown.append(f"[{number}] {title}\n{str(passage.get('content'))[:MAX_CHARACTERS]}")
        return "\n\n".join(shown)

    def show_found(self, passages: list[Mapping[str, Any]]) -> str:
        """What a search answers a model."""
        shown = self.show(passages)
        return f"{shown}\n\n{HOW_TO_CITE}" if shown else "The documents say nothing about that."

    def cited(self, text: str) -> list[dict[str, Any]]:
        """The passages whose numbers a text cites, in the order in which it does."""
        numbers = [int(n) for mark in _MARK.findall(text) for n in mark.split(",")]
        by_number = dict(self._seen.values())
        return [
            {name: by_number[number].get(name) for name in CITATION}
            for number in dict.fromkeys(numbers)
            if number in by_number
        ]


def question_of(value: Mapping[str, Any]) -> str:
    """What is looked for in the documents: the prompt, else all texts of the input."""
    prompt = value.get("prompt")
    if isinstance(prompt, str):
        return prompt
    return " ".join(item for item in value.values() if isinstance(item, str))


def limit_of(agent: Mapping[str, Any]) -> int:
    """How many passages a search brings: the agent's own number, else 5."""
    limit = (agent.get("retrieval_config") or {}).get("top_k")
    if isinstance(limit, int) and not isinstance(limit, bool) and 1 <= limit <= 50:
        return limit
    return 5
