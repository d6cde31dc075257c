"""Texts of strangers as HTML: Markdown drawn, marks on it, and nothing that acts."""

from __future__ import annotations

from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser

from webapp.core.rendering import (
    Fold,
    ends_in_code,
    fold,
    keep_ends,
    relative_addresses,
    render,
    render_line,
)


def drawn(text: str, kind: str = "text/markdown", **options: Any) -> LexborHTMLParser:
    return LexborHTMLParser(f"<main>{render(text, kind, **options)}</main>")


def marks(text: str, *words: str, kind: str = "text/markdown") -> list[str]:
    """What is marked where the spans are the first places of these words."""
    spans = [(text.index(word), text.index(word) + len(word)) for word in words]
    return [mark.html or "" for mark in drawn(text, kind, spans=spans).css("mark")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_on_any_system(end: str) -> None:
    text = end.join(["one", "", "two", "", "three", "", "> four", ""])
    assert marks(text, "one", "three", "four") == [
        "<mark>one</mark>", "<mark>three</mark>", "<mark>four</mark>",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='#' onclick='alert(1)'>x</a>",
        "a <b onmouseover=alert(1)>b</b>",
        "```<script>\n<script>alert(1)</script>\n```",
        "| <script>x</script> |\n|---|\n| <iframe> |",
        "![<script>](x.png)",
        '[a](https://example.com "\\"onclick=alert(1)")',
    ],
)
@pytest.mark.parametrize("kind", ["text/markdown", "text/plain", "text/html", "application/pdf"])
def test_nothing_of_a_text_becomes_an_element_or_a_handler(text: str, kind: str) -> None:
    page = drawn(text, kind, spans=[(0, 3), (3, 8)])
    for tag in ("script", "img", "iframe", "b", "style"):
        assert page.css_first(tag) is None
    for element in page.css("main *"):
        assert not [name for name in element.attributes if name.startswith("on")]


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "vbscript:x",
        "data:text/html,x",
        "file:///etc/passwd",
        "java&#115;cript:alert(1)",
        "blob:https://example.com/1",
        "callto:1",
    ],
)
def test_a_link_that_could_act_is_its_words(address: str) -> None:
    for text in (f"[press]({address})", f"<{address}>", f"[press][1]\n\n[1]: {address}"):
        assert drawn(text).css_first("a") is None


@pytest.mark.parametrize(
    "address",
    ["https://example.com/a?b=c:d", "http://example.com", "mailto:a@example.com", "//a.example/b"],
)
def test_links_to_the_web_or_a_mailbox_stay(address: str) -> None:
    link = drawn(f"[go]({address})").css_first("a")
    assert link.attributes["href"] == address
    assert "noopener" in (link.attributes["rel"] or "")


@pytest.mark.parametrize("address", ["a/b", "#c", "../d%20e.md", "/f?g=h:i"])
def test_a_relative_link_leads_where_its_page_is_known_and_is_words_elsewhere(address: str) -> None:
    for text in (f"See [the *other*]({address}).", f"See [the *other*][1].\n\n[1]: {address}"):
        page = drawn(text)
        assert page.css_first("a") is None
        assert page.css_first("main p").text() == "See the other."
        assert page.css_first("span").attributes == {"title": address.replace("%20", " ")}
        asked: list[str] = []
        page = drawn(text, lead=lambda found, asked=asked: asked.append(found) or "/documents/1")
        assert page.css_first("a").attributes["href"] == "/documents/1"
        assert asked == [address.replace("%20", " ")] == list(relative_addresses(text))


def test_a_picture_is_told_by_its_words_and_not_fetched() -> None:
    page = drawn("![A *cat* asleep](https://example.com/cat.png) ![](b.png)")
    assert [span.text() for span in page.css(".picture")] == ["A cat asleep", "picture"]
    assert "example.com" not in (page.html or "")


def test_headings_go_below_those_of_the_page_and_skip_no_level() -> None:
    page = drawn("# A\n\n### B\n\n###### C\n\n## D\n\n# E", below=3)
    tags = [(item.tag, item.text()) for item in page.css("h1, h2, h3, h4, h5, h6")]
    assert tags == [("h4", "A"), ("h5", "B"), ("h6", "C"), ("h5", "D"), ("h4", "E")]


def test_a_table_is_in_reach_of_the_keyboard_and_has_no_empty_heads_or_styles() -> None:
    page = drawn("| | b |\n|---|--:|\n| one | 2 |")
    assert page.css_first(".wide").attributes["tabindex"] == "0"
    assert [cell.text() for cell in page.css("th")] == ["b"]
    assert [cell.text() for cell in page.css("td.align-right")] == ["2"]
    assert page.css("[style]") == []


def test_the_rest_of_a_table_or_of_code_is_drawn_as_one() -> None:
    page = drawn("| one | `two` |\n| three | four |", spans=[(2, 5)])
    assert [cell.text() for cell in page.css("td")] == ["one", "two", "three", "four"]
    assert page.css("th") == []
    assert page.css_first("mark").text() == "one"

    end_of_code = "x = 1\n# a comment\n```\n"
    page = drawn(end_of_code, spans=[(8, 9)])
    assert page.css_first("pre").text() == "x = 1\n# a comment\n"
    assert page.css_first("pre mark").text() == "a"
    assert drawn("# a comment", in_code=True).css_first("pre").text() == "# a comment"
    assert drawn("```js\nx = 1").css_first("pre").text() == "x = 1"


def cells(text: str) -> list[list[str]]:
    """The rows of the one table that a text is drawn as, and what stands around it."""
    page = drawn(text)
    assert len(page.css("table")) == 1 and "|" not in page.text()
    assert not page.css("thead")
    return [[cell.text() for cell in row.css("td")] for row in page.css("tr")]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("| E1 | it is late |\n\nAnd so on.", [["E1", "it is late"]]),
        ("| E1 |", [["E1"]]),
        ("| E1 | the rest is cut", [["E1", "the rest is cut"]]),
        (
            "is late | try again |\n| E2 | it is lost | ask |",
            [["", "is late", "try again"], ["E2", "it is lost", "ask"]],
        ),
        ("is late | try again |\n\nAnd so on.", [["is late", "try again"]]),
        ("|---|---|\n| E1 | it is late |", [["E1", "it is late"]]),
        ("E1 | it is late\nE2 | it is lost\n", [["E1", "it is late"], ["E2", "it is lost"]]),
    ],
)
def test_a_passage_that_begins_in_the_middle_of_a_table_is_drawn_as_rows(
    text: str, rows: list[list[str]]
) -> None:
    assert cells(text) == rows


def test_a_bar_within_a_cell_ends_none() -> None:
    found = drawn("| E1 | `a \\| b` |\n| E2 | c |").css("td")
    assert [cell.text() for cell in found] == ["E1", "a | b", "E2", "c"]


@pytest.mark.parametrize(
    "text",
    [
        "Either a | b is true.",
        "- cat x | sort\n- cat y | sort",
        "    | code |\n    | more |",
        "Run `a | b`\nor `c | d`",
        "|" * 1400,
        "\n".join(["a|" * 60] * 20),
    ],
)
def test_what_has_a_bar_in_it_and_is_no_table_is_drawn_as_it_stands(text: str) -> None:
    assert not drawn(text).css("table")


def test_a_mark_in_a_row_that_was_cut_is_where_its_span_is() -> None:
    text = "is late | try again |\n| E2 | it is lost | ask |"
    assert marks(text, "late", "lost") == ["<mark>late</mark>", "<mark>lost</mark>"]


def test_a_text_says_whether_code_goes_on_behind_it() -> None:
    assert ends_in_code("Text\n```\nx", None)
    assert ends_in_code("x", True)
    assert not ends_in_code("x\n```", True)
    assert not ends_in_code("```\nx\n```", False)


def test_marks_are_where_the_spans_are() -> None:
    assert marks("Green *tea* wants `water`", "tea", "water") == [
        "<mark>tea</mark>",
        "<mark>water</mark>",
    ]
    assert marks("a [tea](https://tea.example/tea 'tea') tea", "tea]", "/tea", "') tea") == [
        "<mark>tea</mark>",
        "<mark> tea</mark>",
    ]
    assert marks("- one\n- two\n\n```\nfour two\n```\n\n| two |\n|---|\n| x |", "four two") == [
        "<mark>four two</mark>"
    ]
    assert marks("Salt &amp; tea \\*hot\\* water", "tea", "hot", "water") == [
        "<mark>tea</mark>",
        "<mark>hot</mark>",
        "<mark>water</mark>",
    ]
    assert marks("> one\n> two", "two") == ["<mark>two</mark>"]
    assert marks("- a\n\n      one\n      two\n", "two") == ["<mark>two</mark>"]
    assert marks("1. step", "1") == []
    assert marks("<b>\n two", "two", kind="text/plain") == ["<mark>two</mark>"]


@pytest.mark.parametrize(
    "text",
    [
        "Some *the **bold** text* [li nk](http://a.example/b) `co de` &amp; \\* end",
        "# Head\n\n- one\n  - two\n\n| a | b |\n|---|:-:|\n| c | d |\n\n```py\nx\n```\n\n> q",
        "![alt *text*](x.png) <https://a.example> a\\\nb  \nc [r]\n\n[r]: https://b.example 't'",
        "שלום **עולם** 東京*都* \U0001f600 ~~gone~~",
    ],
)
def test_spans_that_cut_through_the_syntax_change_nothing_but_marks(text: str) -> None:
    plain = render(text)
    for start in range(len(text)):
        for length in (1, 2, 7, len(text)):
            stop = min(start + length, len(text))
            with_marks = render(text, spans=[(start, stop)])
            assert with_marks.replace("<mark>", "").replace("</mark>", "") == plain
            assert "<mark></mark>" not in with_marks


def test_every_visible_word_can_be_marked() -> None:
    text = (
        "Some **bold** and *more* [link](https://a.example) in `code`\n\n- list\n\n| cell |\n|---|"
    )
    words = ["Some", "bold", "and", "more", "link", "in", "code", "list", "cell"]
    assert marks(text, *words) == [f"<mark>{word}</mark>" for word in words]


def test_a_line_is_drawn_without_a_paragraph() -> None:
    assert render_line("`npm` <b>") == "<code>npm</code> &lt;b&gt;"


def test_only_a_long_passage_is_folded_and_never_over_its_first_mark() -> None:
    long = "\n".join(f"line {number}" for number in range(30))
    assert fold("Short.\n\nTwo.") == Fold.WHOLE
    assert fold("word " * 100) == Fold.WHOLE
    assert fold(long) == Fold.FOLDED
    assert fold("word " * 300) == Fold.FOLDED
    assert fold(long, [(0, 4)]) == Fold.FOLDED
    assert fold(long, [(long.index("line 25"), len(long))]) == Fold.OPEN


def test_lists_and_quotations_begin_on_the_side_of_their_words() -> None:
    page = drawn("* one\n\ntext\n\n1. first\n\ntext\n\n> said")
    for tag in ("ul", "ol", "blockquote"):
        assert page.css_first(tag).attributes["dir"] == "auto"


def test_a_long_word_takes_its_last_letters_down_together() -> None:
    word = "Rechtsschutzversicherung"
    kept = keep_ends(f"<b> {word}s-Antrag & {word}")
    end = '<span class="word-end">{}</span>'
    assert kept == (
        f"&lt;b&gt; {word[:-4]}{end.format('rungs')}-Antrag &amp; {word[:-5]}{end.format('erung')}"
    )
    assert keep_ends("of words that fit") == "of words that fit"
