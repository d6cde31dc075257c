"""What becomes of files: title, text, passages under their headings; bombs in bounded time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.documents.reading.chunking import MAX_CHARS, chunk_text
from webapp.documents.reading.parsing import ParsingError, parse

PAGE = """<html><head><title>Keys &amp; locks</title><style>p {}</style></head><body>
<nav>Menu</nav><h1>Keys</h1><p>Some <b>bold</b> text.</p><ul><li>one<li>two</ul>
<h2>Rotation</h2><script>alert(1)</script><p>Once a month.</p></body></html>"""


@pytest.mark.parametrize("filler", ["", "<!-- x -->" * 2_000])
def test_a_page_becomes_text_with_headings(filler: str) -> None:
    parsed = parse(PAGE + filler, "text/html")

    assert parsed.title == "Keys & locks"
    assert "# Keys" in parsed.text
    assert "Some bold text." in parsed.text
    assert "- one" in parsed.text
    assert "Menu" not in parsed.text
    assert "alert" not in parsed.text
    assert [piece.heading_path for piece in chunk_text(parsed.text, parsed.title)][-1] == [
        "Keys",
        "Rotation",
    ]


@pytest.mark.parametrize(
    "content",
    [
        "<div>" * 200_000 + "x",
        "<b><p>" * 50_000 + "x",
        "<p " + " ".join(f"a{number}=1" for number in range(150_000)) + ">x</p>",
        "<p>" + "".join(f"<font a={n}>" for n in range(390)) + "<p>x" * 200_000,
        "<p>x" * 300_000,
    ],
    ids=["deep", "misnested", "attributes", "copied", "wide"],
)
def test_a_bomb_is_refused_in_bounded_time(content: str) -> None:
    started_at = time.monotonic()
    with pytest.raises(ParsingError):
        parse(content, "text/html")
    assert time.monotonic() - started_at < 60


@pytest.mark.parametrize("content_type", ["text/plain", "text/markdown", "text/html"])
@pytest.mark.parametrize("content", ["", " \n\t ", "a\x00b"])
def test_content_without_text_is_refused(content: str, content_type: str) -> None:
    with pytest.raises(ParsingError):
        parse(content, content_type)


def test_markdown_takes_its_title_from_the_first_heading() -> None:
    assert parse("intro\n\n## Keys ##\n\ntext", "text/markdown").title == "Keys"
    assert parse("First line\nsecond", "text/plain").title == "First line"


@pytest.mark.parametrize("content", ["# " + " \t" * 200_000 + "#", "# a" + " " * 200_000 + "x"])
def test_an_endless_heading_takes_no_endless_time(content: str) -> None:
    assert chunk_text(parse(content + "\n\ntext", "text/markdown").text, "")


@pytest.mark.parametrize("content", ["x" * 400_000, "word " * 80_000], ids=["letters", "words"])
def test_a_text_without_paragraphs_is_cut_in_bounded_time(content: str) -> None:
    started_at = time.monotonic()
    pieces = chunk_text(content, "title")

    assert time.monotonic() - started_at < 30
    assert "".join(piece.text for piece in pieces).replace(" ", "") == content.replace(" ", "")


@given(st.text(alphabet="# ab.\n`-|", max_size=6_000), st.integers(1, 4))
def test_passages_are_short_and_lose_no_word(text: str, times: int) -> None:
    text = text * times
    pieces = chunk_text(text, "title")
    kept = "".join(piece.text + "".join(piece.heading_path) for piece in pieces)

    assert all(len(piece.text) <= MAX_CHARS for piece in pieces)
    assert [piece.position for piece in pieces] == list(range(len(pieces)))
    if not text.lstrip().startswith("#") and "\n#" not in text and " #" not in text:
        assert {"a", "b"} & set(text) <= set(kept)
