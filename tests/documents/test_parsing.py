"""What becomes of files: title, text, passages under their headings; what is beyond the bounds."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.documents.files import make_docx, make_pdf
from webapp import engine
from webapp.documents.reading import chunking, parsing
from webapp.documents.reading.chunking import MAX_CHARS, chunk_text
from webapp.documents.reading.extract import Bounds
from webapp.documents.reading.parsing import DOCX, HTML, PDF, ParsingError, parse
from webapp.engine.sandbox import Limits

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


# Bounds and limits, set low


def refuse(content: str | bytes, content_type: str) -> str:
    with pytest.raises(ParsingError) as raised:
        parse(content, content_type)
    return str(raised.value)


@pytest.mark.parametrize("is_apart", [False, True])
def test_a_page_that_goes_beyond_its_bounds_is_refused(
    monkeypatch: pytest.MonkeyPatch, is_apart: bool
) -> None:
    """In place or by the program of its own: the same bounds, the same sentence."""

    def page(text: str) -> str | bytes:
        return text.encode() if is_apart else text

    # A page of a paragraph is html, head, body, p and its text.
    monkeypatch.setattr(parsing, "BOUNDS", Bounds(depth=4, nodes=8))
    assert parse(page("<div><p>x</p></div>"), HTML).text == "x"
    deep = page("<div><div><p>x</p></div></div>")
    assert refuse(deep, HTML) == "The HTML is nested more than 4 levels deep."
    assert refuse(page("<p>x</p>" * 4), HTML) == "The HTML has more than 8 parts."


def test_a_pdf_is_read_up_to_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "BOUNDS", Bounds(pages=2, chars=20))
    assert parse(make_pdf("garnet", "basalt"), PDF).text == "garnet\n\nbasalt"
    assert refuse(make_pdf("a", "b", "c"), PDF) == "The PDF has 3 pages; at most 2 are read."
    assert refuse(make_pdf("garnet", "basalt and more"), PDF) == (
        "The text has more than 20 characters."
    )


def test_a_word_file_is_read_up_to_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "BOUNDS", Bounds(nodes=5))
    assert parse(make_docx(), DOCX).title == "Rotating keys"  # of five blocks
    monkeypatch.setattr(parsing, "BOUNDS", Bounds(nodes=4))
    assert refuse(make_docx(), DOCX) == "The Word file has more than 4 paragraphs."
    for bounds in (Bounds(inflated=10_000), Bounds(files=5)):
        monkeypatch.setattr(parsing, "BOUNDS", bounds)
        assert refuse(make_docx(), DOCX) == "The Word file is too large when it is unpacked."


@pytest.mark.parametrize(
    ("program", "limits", "sentence"),
    [
        ("import time; time.sleep(600)", Limits(seconds=0.5),
         "The PDF takes too much time to read; is it made to do that?"),
        ("while True: pass", Limits(seconds=60, cpu_seconds=1),
         "The PDF takes too much time to read; is it made to do that?"),
        ("bytearray(300 << 20)", Limits(seconds=60, memory_bytes=250 << 20),
         "The PDF takes too much memory to read; is it made to do that?"),
        ("raise KeyError('/Pages')", Limits(seconds=60), "The PDF cannot be read; is it damaged?"),
        ("import sys; sys.exit(3)", Limits(seconds=60), "The PDF cannot be read; is it damaged?"),
    ],
    ids=["sleeps", "computes", "takes memory", "fails", "dies"],
)  # fmt: skip
def test_a_reader_that_does_not_end_well_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str, limits: Limits, sentence: str
) -> None:
    """Another program in the place of ours, with low limits."""
    path = tmp_path / "program.py"
    path.write_text(program)
    monkeypatch.setitem(parsing.LIMITS, PDF, limits)
    monkeypatch.setattr(parsing, "PROGRAM", str(path))
    assert refuse(make_pdf("garnet"), PDF) == sentence


def test_reading_stops_when_its_worker_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "program.py"
    path.write_text("import time; time.sleep(600)")
    monkeypatch.setattr(parsing, "PROGRAM", str(path))

    def stop() -> None:
        raise engine.Interrupted

    with pytest.raises(engine.Interrupted):
        parse(make_pdf("garnet"), PDF, check=stop)


# Text


@pytest.mark.parametrize("content_type", ["text/plain", "text/markdown", "text/html"])
@pytest.mark.parametrize("content", ["", " \n\t ", "a\x00b"])
def test_content_without_text_is_refused(content: str, content_type: str) -> None:
    with pytest.raises(ParsingError):
        parse(content, content_type)


def test_markdown_takes_its_title_from_the_first_heading() -> None:
    assert parse("intro\n\n## Keys ##\n\ntext", "text/markdown").title == "Keys"
    assert parse("First line\nsecond", "text/plain").title == "First line"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("```sh\n# as root\nmake\n```\n\n# Install\n", "Install"),
        ("~~~\n# as root\n```\n# still\n~~~\n\n## Install", "Install"),
        ("````md\n```\n# as root\n```\n# still\n````\n# Install", "Install"),
        ("```sh\n# as root\nmake\n```\n\nHow it is installed", "How it is installed"),
        ("```sh\nmake\n```", "make"),
        ("Not ```code``` here\n# Install", "Install"),
    ],
)
def test_a_comment_in_a_block_of_code_is_no_title(text: str, title: str) -> None:
    assert parse(text, "text/markdown").title == title
    headings = {name for piece in chunk_text(text, "") for name in piece.heading_path}
    assert headings <= {"Install"}


def test_code_of_a_page_keeps_its_lines_and_is_no_heading() -> None:
    code = "# as root\nif ready:\n    <b>make</b>\tinstall"
    text = parse(f"<h1>Start</h1><pre>\n{code}</pre>a <i>b</i>  c<pre> </pre>", HTML).text
    assert text == "# Start\n\n```\n# as root\nif ready:\n    make\tinstall\n```\n\na b c"
    paths = [piece.heading_path for piece in chunk_text(text, "")]
    assert paths == [["Start"]]
    assert parse("<pre>a<br>b</pre>", HTML).text == "```\na\nb\n```"
    assert parse("<pre>```</pre><p>x", HTML).text == "~~~\n```\n~~~\n\nx"


@pytest.mark.parametrize(
    ("page", "text"),
    [
        # Some servers put a form around the whole page.
        ("<form><h1>Refunds</h1><p>14 days</p><select><option>x</select></form>",
         "# Refunds\n\n14 days"),
        ("<div>One</div>two<section>three</section><b>four</b>", "One\n\ntwo\n\nthree\n\nfour"),
        ("<dl><dt>Lease</dt><dd>A hold</dd></dl><details><summary>More</summary>x</details>y",
         "Lease\n\nA hold\n\nMore\n\nx\n\ny"),
        ("<p>In <del>30</del><ins>14</ins> days", "In 14 days"),
        ("<p>Daten&shy;bank", "Datenbank"),
    ],
)  # fmt: skip
def test_the_words_of_a_page_are_whole_and_all_there(page: str, text: str) -> None:
    assert parse(page, HTML).text == text


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("Kessel " * 17 + "x", "Kessel " * 17 + "x"),
        ("Betriebswerk: " * 8 + "Kesselprüfung", "Betriebswerk: " * 7 + "Betriebswerk…"),
        ("Kessel " * 18, "Kessel " * 16 + "Kessel…"),
        ("x" * 121, "x" * 119 + "…"),
        ("A " + "x" * 121, "A " + "x" * 117 + "…"),
    ],
    ids=["fits", "between words", "at a space", "one word", "a long word"],
)
def test_a_first_line_that_is_too_long_for_a_title_ends_between_words_with_a_sign(
    line: str, title: str
) -> None:
    assert len(title) <= 120
    assert parse(f"{line}\n\ntext", "text/plain").title == title


@pytest.mark.parametrize(("length", "is_heading"), [(499, True), (501, False)])
def test_a_line_that_is_too_long_is_no_heading(length: int, is_heading: bool) -> None:
    """To try one takes quadratic time."""
    line = "# a" + " " * (length - 4) + "x"
    parsed = parse(line + "\n\ntext", "text/markdown")
    assert parsed.title == (line[2:] if is_heading else "# a…")
    paths = [piece.heading_path for piece in chunk_text(parsed.text, "")]
    assert paths == ([[line[2:202]]] if is_heading else [[]])


@pytest.mark.parametrize("word", ["x", "word "], ids=["letters", "words"])
def test_a_text_without_paragraphs_is_given_to_the_splitter_in_parts(
    monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    """It takes quadratic time for such a text."""
    content = word * (20_000 // len(word))
    usual, given = chunking._splitter(), []

    class Splitter:
        def chunks(self, text: str) -> list[str]:
            given.append(len(text))
            return usual.chunks(text)

    monkeypatch.setattr(chunking, "_splitter", Splitter)
    monkeypatch.setattr(chunking, "MAX_PART_CHARS", 5_000)
    pieces = chunk_text(content, "title")

    assert max(given) <= 5_000 < sum(given)
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
