"""Taxonomies from files as spreadsheets write them."""

from __future__ import annotations

import io

import pytest

from tests.browser import Browser, words_of
from webapp.core.actor import Actor
from webapp.taxonomies import services
from webapp.taxonomies.lines import MAX_LABEL, read_lines
from webapp.taxonomies.schemas import NodeQuery

BREADS = [["Food", "Bread", "Rye bread"], ["Food", "Bread", "Wheat, spelt and oats"]]


@pytest.mark.parametrize(
    ("text", "paths", "header"),
    [
        (
            "Level 1;Level 2;Level 3\r\nFood;Bread;Rye bread\r\n"
            "Food;Bread;Wheat, spelt and oats\r\nTools;;\r\n",
            [*BREADS, ["Tools"]],
            "Level 1, Level 2, Level 3",
        ),
        (
            "Finanzen;Mahnung\nFinanzen;Zins, Frist",
            [["Finanzen", "Mahnung"], ["Finanzen", "Zins, Frist"]],
            "",
        ),
        ("Food\tBread\tRye bread\nFood\tBread\tWheat, spelt and oats\n", BREADS, ""),
        (
            'Category,Subcategory,Topic\r\nFood,Bread,"Wheat, spelt and oats"\r\nTools,,\r\n',
            [BREADS[1], ["Tools"]],
            "Category, Subcategory, Topic",
        ),
        ("Finanzen;Mahnung\rHilfe;\r", [["Finanzen", "Mahnung"], ["Hilfe"]], ""),
        ("level1,level2\nFood,Bread", [["Food", "Bread"]], "level1, level2"),
        ("Category > Topic\nCategory > Tea", [["Category", "Topic"], ["Category", "Tea"]], ""),
        ("Topic\nTopic,Tea", [["Topic"], ["Topic", "Tea"]], ""),
        (
            "Food,Bread\nFood,Salt; pepper\nTools",
            [["Food", "Bread"], ["Food", "Salt; pepper"], ["Tools"]],
            "",
        ),
        (
            "Food > Salt; pepper\nFood > Oil; vinegar",
            [["Food", "Salt; pepper"], ["Food", "Oil; vinegar"]],
            "",
        ),
        (
            'Networks,"A > B tests"\nNetworks,"C -> D links"',
            [["Networks", "A > B tests"], ["Networks", "C -> D links"]],
            "",
        ),
        (
            '"Food","Bread and\r\nrolls"\r\n"Food","Cheese"\r\n',
            [["Food", "Bread and rolls"], ["Food", "Cheese"]],
            "",
        ),
    ],
)
def test_the_delimiter_and_a_line_that_names_the_levels_are_recognized(
    text: str, paths: list[list[str]], header: str
) -> None:
    lines = read_lines(text)
    assert (lines.paths, lines.header) == (paths, header)


def send(browser: Browser, content: bytes, status: int = 200) -> str:
    """What the page says: a file's field where it is refused, else the toast."""
    file = {"version": "1.0.0", "file": (io.BytesIO(content), "topics.csv")}
    page = browser.post("/taxonomies", file, content_type="multipart/form-data", status=status)
    if status == 200:
        return words_of(page.css_first("#toasts"))
    (link,) = page.css(".error-summary a")
    assert link.attributes["href"] == "#file"
    (error,) = page.css(".field .error")
    return words_of(error)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            b'Food,Bread\n\n"Food","a\nb"\nMahnung,,Reminders\n',
            "Line 5 has nothing above “Reminders”.",
        ),
        (
            b"name,parent,description\nMahnung,,Reminders\n",
            "Line 1 heads a table that names the topic above",
        ),
        (
            b"id;name;parent\n1;Food;\n2;Bread;1\n",
            "Line 1 heads a table that names the topic above",
        ),
        (b"Food,Bread\nFood," + b"x" * (MAX_LABEL + 1), "Line 2: the name “xxx"),
        (
            ",".join("abcdefghijklmnopqrstu").encode(),
            "Line 1 has 21 levels; a taxonomy has at most 20.",
        ),
        ("Getränke;Säfte".encode("cp1252"), "save it as “CSV UTF-8”"),
        (b"{", "This is not JSON that can be read."),
        (b"\n\n", "There is no topic in this."),
    ],
)
def test_what_is_wrong_in_a_file_stands_at_the_file_with_its_line(
    browser: Browser, content: bytes, words: str
) -> None:
    assert words in send(browser, content, 422)


def test_a_file_of_a_spreadsheet_becomes_topics_at_its_levels(
    browser: Browser, alice: Actor
) -> None:
    content = "\ufeffLevel 1;Level 2\r\nFinanzen;Mahnung\r\nFinanzen;Zinsen\r\nHilfe;\r\n"
    told = send(browser, content.encode())
    assert told.startswith("4 topics at 2 levels added to 1.0.0.")
    assert "“Level 1, Level 2” names the levels and is no topic." in told
    nodes = services.list_nodes("1.0.0", NodeQuery(), actor=alice).items
    paths = sorted(node.canonical_path for node in nodes)
    assert paths == [["Finanzen"], ["Finanzen", "Mahnung"], ["Finanzen", "Zinsen"], ["Hilfe"]]
