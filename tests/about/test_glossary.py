"""The README's words are the code's words."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLOSSARY = (ROOT / "README.md").read_text().split("## Glossary", 1)[1].split("\n## ", 1)[0]
WORDS = [
    word.strip()
    for row in re.findall(r"^\| ([^|]+) \| [^|]+ \|$", GLOSSARY, re.M)
    for word in row.split(",")
    if word.strip() not in ("word", "---")
]
#: what the API or the pages say for what the code calls otherwise, and why
ELSEWHERE = {
    "passage": "chunk",  # the API's word, which the code keeps
}
#: names that were given up, and the words that took their place
GIVEN_UP = {
    "enqueue_settled": "enqueue_debounced",
    "bring_together": "merge_edits",
    "brought_together": "merge_edits",
    "overtaken": "edit_conflict",
    "put_scope": "assign_scope",
    "make_scope": "find_or_create_scope",
    "give_topics": "assign_topics",
    "grow_taxonomy": "extend_taxonomy",
    "grown": "extension",
    "belongings": "owned_rows",
    "pulse": "revision",
    "when_forgotten": "before_purge",
    "recheck": "renew",
    "mine": "the name of the thing",
}


@cache
def names() -> set[str]:
    """All that the code gives a name, in small letters with underscores."""
    found: set[str] = set()
    for path in (ROOT / "webapp").rglob("*.py"):
        found.add(path.stem)
        found.add(path.parent.name)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                found.add(node.name)
            elif isinstance(node, ast.arg):
                found.add(node.arg)
            elif isinstance(node, ast.Name):
                found.add(node.id)
    return {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().strip("_") for name in found}


def test_the_glossary_is_read() -> None:
    assert len(WORDS) > 20
    assert {"organization", "feed", "hand-off"} <= set(WORDS)


@pytest.mark.parametrize("word", WORDS)
def test_a_word_of_the_glossary_names_something_in_the_code(word: str) -> None:
    code = ELSEWHERE.get(word, word).replace("-", "").replace(" ", "_")
    known = names()
    plural = re.sub(r"y$", "ie", code) + "s"
    assert {code, plural} & known, f"Nothing in webapp/ is called {code} or {plural}."


#: what pages said before they took the words that users of such tools look for
DIALECT = (
    "Yes, go on", "Who it is", "Knows about", "Search by", "words and meaning", "asked, and little",
    "Measure and keep", "Last kept", "answers by itself", "Voice only", "Coding ide",
    "Handed to by", "must rise", "What changes",
)  # fmt: skip


def test_no_page_says_again_what_nobody_understood() -> None:
    for path in [*(ROOT / "templates").rglob("*.html"), *(ROOT / "static/js").glob("*.js")]:
        said = " ".join(path.read_text().split())
        assert not [words for words in DIALECT if words in said], path.name
    forms = [path for path in (ROOT / "webapp").rglob("*.py") if path.stem in ("forms", "labels")]
    assert len(forms) > 3
    for path in forms:
        assert not [words for words in DIALECT if words in path.read_text()], path


def test_no_name_comes_back_that_was_given_up() -> None:
    again = {name: GIVEN_UP[name] for name in names() & GIVEN_UP.keys()}
    assert not again, f"Use the other word: {again}"
