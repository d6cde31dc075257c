from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from webapp.core import clock

#: seconds from now, and how a page says it (Chromium's Intl.RelativeTimeFormat, "en", short)
WORDS = [
    (0, "now"),
    (-0.4, "now"),
    (-1.5, "1 sec. ago"),
    (-59.5, "59 sec. ago"),
    (-60.5, "1 min. ago"),
    (-3599, "59 min. ago"),
    (-3600, "1 hr. ago"),
    (-5400, "1 hr. ago"),
    (-86399, "23 hr. ago"),
    (-86400, "yesterday"),
    (-90000, "yesterday"),
    (-3 * 86400 - 9, "3 days ago"),
    (-1000 * 86400 - 9, "1,000 days ago"),
    (0.4, "now"),
    (270, "in 5 min."),
    (330, "in 6 min."),
    (7 * 86400 - 1, "in 7 days"),
    (90000, "tomorrow"),
    (3 * 86400 + 9, "in 3 days"),
]


@pytest.mark.once
@pytest.mark.parametrize(("seconds", "words"), WORDS)
def test_how_long_ago_is_said_in_words(
    seconds: float, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    present = clock.now()
    monkeypatch.setattr(clock, "now", lambda: present)
    assert clock.in_words(present + timedelta(seconds=seconds)) == words


@pytest.mark.once
def test_a_moment_of_another_zone_is_the_same_in_utc_and_one_without_a_zone_is_in_utc() -> None:
    noon = datetime(2026, 3, 10, 12, tzinfo=UTC)
    assert clock.in_utc(noon.astimezone(timezone(timedelta(hours=9)))) == noon
    assert clock.in_utc(noon.replace(tzinfo=None)) == noon
    assert clock.in_utc(noon.astimezone(timezone(timedelta(hours=9)))).tzinfo is UTC
    with pytest.raises(ValueError, match="1 to 9999"):
        clock.in_utc(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))))
