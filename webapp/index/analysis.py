"""Text to terms: how documents and queries are read, on every database alike.

Unicode words (NFKC, lower case) become Snowball stems; Chinese, Japanese and Korean runs become
character bigrams, because they carry no spaces to cut at.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from itertools import pairwise

import Stemmer

#: a longer word is an artefact (base64, a hash); its head is enough to find it by
MAX_TERM_CHARS = 64

# Python's \w leaves out the marks that are parts of words in, say, Hindi and Thai.
_MARKS = "".join(
    re.escape(chr(code))
    for code in range(0x300, 0x10000)
    if unicodedata.category(chr(code))[0] == "M"
)
WORD = re.compile(rf"[\w{_MARKS}]+")
_ASCII_WORD = re.compile(r"[a-z0-9]+")
# Hiragana, Katakana, Han (with extensions), Hangul syllables and jamo
_CJK = re.compile(
    "([\u1100-\u11ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]+)"
)

STOP_WORDS = frozenset(
    """
    a about above after again against all am an and any are as at be because been before being
    below between both but by can cannot could did do does doing down during each few for from
    further had has have having he her here hers herself him himself his how i if in into is it
    its itself let me more most must my myself no nor not of off on once only or other ought our
    ours ourselves out over own same shall she should so some such than that the their theirs
    them themselves then there these they this those through to too under until up very was we
    were what when where which while who whom why will with would you your yours yourself
    yourselves s t d ll m re ve don isn aren wasn weren hasn haven hadn doesn didn won wouldn
    shouldn couldn mustn
    """.split()  # noqa: SIM905 - a text is easier to read
)

_ARTICLES = frozenset(("a", "an", "the"))
#: stop words that follow an article without being what it names
_AFTER_ARTICLES = _ARTICLES | frozenset(
    """
    above all below being both few further here more most once only other own same so such then
    too under very s t d ll m re ve
    """.split()  # noqa: SIM905 - a text is easier to read
)
# A single word or two in quotes or backticks; an apostrophe within a word is none.
_QUOTED = re.compile(r"[`\"“”‘«]([^`\"“”’»\n]{1,40})[`\"“”’»]")

#: It remembers 10,000 words, 2 MB: one for each thread would let a worker grow for as long as its
#: threads meet new words. It keeps state while it works, so that one thread at a time uses it.
_stemmer = Stemmer.Stemmer("english")
_stemming = threading.Lock()


def analyze(text: str) -> list[str]:
    """The terms of a document's text, in reading order, repetitions kept."""
    return _stem(_words(text))


def analyze_query(text: str) -> list[str]:
    """The terms of a query: stop words dropped, unless it has no other words.

    A stop word stays that an article makes a name ("the with statement", "a for loop"), or that
    stands in quotes: it is what the question is about.
    """
    words = _words(text)
    quoted = {word for phrase in _QUOTED.findall(text) for word in _words(phrase)}
    kept = [
        word
        for before, word in pairwise(["", *words])
        if word not in STOP_WORDS
        or word in quoted
        or (before in _ARTICLES and word not in _AFTER_ARTICLES)
    ]
    return _stem(kept or words)


def bigrams(run: str) -> list[str]:
    """`"검색어"` → `["검색", "색어"]`; a single character stands for itself."""
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]


def split_cjk(word: str) -> list[str]:
    """`word` cut where CJK and other characters meet: `"gpu를"` → `["gpu", "를"]`."""
    if word.isascii():
        return [word]
    return [part for part in _CJK.split(word) if part]


def is_cjk(part: str) -> bool:
    """Whether `part`, one of `split_cjk`, is a CJK run."""
    return _CJK.match(part) is not None


def _words(text: str) -> list[str]:
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    normal = unicodedata.normalize("NFKC", text).lower().replace("_", " ")
    words = WORD.findall(normal)
    if _CJK.search(normal) is None:
        return words
    parts: list[str] = []
    for word in words:
        for part in split_cjk(word):
            parts.extend(bigrams(part) if is_cjk(part) else [part])
    return parts


def _stem(words: list[str]) -> list[str]:
    with _stemming:
        stems = _stemmer.stemWords(words)
    return [stem[:MAX_TERM_CHARS] for stem in stems]
