"""`docs/errors.md` says what the code says."""

from __future__ import annotations

import re

from tools.error_codes import ADVICE, PAGE, find_codes, page


def test_the_page_of_errors_is_what_the_code_says() -> None:
    assert PAGE.read_text() == page(), "Run `make errors`, and read what it changed."


def test_a_code_is_a_word_that_scripts_can_hold_on_to() -> None:
    codes = find_codes()
    assert len(codes) > 50
    assert not [code.name for code in codes if not re.fullmatch(r"[a-z][a-z0-9_]+", code.name)]
    assert {code.status for code in codes} <= set(ADVICE)


def test_a_sentence_and_its_way_out_stand_beside_the_code() -> None:
    (taken,) = [code for code in find_codes() if code.name == "handle_taken"]
    assert taken.status == 409
    assert taken.sentences == ["The handle … is taken."]
    assert taken.suggestions == ["Choose another handle; a deleted agent keeps its own."]
