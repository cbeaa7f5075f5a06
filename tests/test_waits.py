"""How long to wait before a call is made again: a Retry-After header, and the backoff."""

import pytest

from ledger.endpoint.waits import LONGEST_BACKOFF_SECONDS, backoff, retry_after


@pytest.mark.parametrize(
    ("header", "now", "seconds"),
    [
        ("121", 0, 121),
        ("0.5", 0, 0.5),
        ("-1", 0, 0),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 30, 90),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 500, 0),
    ],
)
def test_seconds_or_a_date_give_the_seconds_to_wait(header, now, seconds):
    assert retry_after(header, now) == seconds


@pytest.mark.parametrize("header", [None, "", "soon", "nan", "inf"])
def test_a_header_that_says_nothing_gives_none(header):
    assert retry_after(header, 0) is None


def test_the_wait_stays_bounded_after_thousands_of_attempts():
    assert 0 <= backoff(5000, 1.0, None) <= LONGEST_BACKOFF_SECONDS
