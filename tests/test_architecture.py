"""The shape of the code: who imports whom, what may stand where."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from webapp import FEATURES

ROOT = Path(__file__).parents[1]
WEBAPP = ROOT / "webapp"
FILES = sorted(WEBAPP.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def package(name: str) -> str | None:
    parts = name.split(".")
    return parts[1] if parts[0] == "webapp" and len(parts) > 1 else None


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_feature_imports_only_what_stands_above_it(path: Path) -> None:
    mine = path.relative_to(WEBAPP).parts[0]
    theirs = {package(name) for name in imports(path)} & set(FEATURES)
    if mine in ("core", "engine"):
        assert not theirs
    elif mine in FEATURES:
        below = set(FEATURES[FEATURES.index(mine) + 1 :])
        assert not theirs & below


#: what of a feature faces the web: requests, forms, addresses, HTML
EDGE = (
    "__init__", "pages", "api", "forms", "live", "cli", "tabs", "palette", "navigation", "health",
    "identity",
)  # fmt: skip
#: what of core does
WEB = ("api", "bodies", "conditional", "forms", "navigation", "openapi", "problems", "security",
       "server", "web")  # fmt: skip


def is_below_the_edge(path: Path) -> bool:
    return path.relative_to(WEBAPP).parts[0] in FEATURES and path.stem not in EDGE


@pytest.mark.parametrize(
    "path", [path for path in FILES if is_below_the_edge(path)],
    ids=lambda path: str(path.relative_to(ROOT)),
)  # fmt: skip
def test_what_is_below_pages_and_apis_knows_no_request(path: Path) -> None:
    names = set(imports(path))
    assert not {name.split(".")[0] for name in names} & {
        "flask", "wtforms", "flask_wtf", "apiflask", "flask_limiter"
    }  # fmt: skip
    web = {f"webapp.core.{name}" for name in WEB}
    assert not {name for name in names for other in web if f"{name}.".startswith(f"{other}.")}
    own = {name for name in names if package(name) in FEATURES}
    assert not {name for name in own if name.split(".")[-1] in {"pages", "api", "forms"}}


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if path.name in ("pages.py", "api.py")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_pages_and_apis_commit_nothing(path: Path) -> None:
    text = path.read_text()
    assert "session.commit" not in text
    assert "session.add" not in text


def test_only_the_engine_knows_dbos() -> None:
    outside = [path for path in FILES if "engine" not in path.parts]
    assert not [path for path in outside if any(n.split(".")[0] == "dbos" for n in imports(path))]
