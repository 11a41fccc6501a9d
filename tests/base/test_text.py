"""Numbers with units are read as they are written, and tables stand in columns."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsonas.base import text
from dsonas.base.errors import UserError


@pytest.mark.parametrize(
    'written, units, value',
    [
        ('3.0M', text.COUNTS, 3e6),
        ('15m', text.COUNTS, 15e6),
        (' 7 ', text.COUNTS, 7),
        ('1e3k', text.COUNTS, 1e6),
        ('.5G', text.COUNTS, 5e8),
        ('5ms', text.SECONDS, 0.005),
        ('2 min', text.SECONDS, 120),
        ('20us', text.SECONDS, 2e-5),
        ('1.5 GB', text.BYTES, 1.5e9),
        (12, text.BYTES, 12),
    ],
)
def test_parse(written, units, value):
    assert text.parse_quantity(written, units) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    'written', ['', 'M', '3.0T', '-3', '1.2.3', 'inf', 'nan', '1e400', '²', '3 M M', '5ms', '٣', None]
)
def test_parse_refuses(written):
    with pytest.raises(UserError, match="expected|is not a number|units none, 'k'"):
        text.parse_quantity(written, text.COUNTS)


@given(st.floats(min_value=1, max_value=9.99e11))
def test_what_is_written_is_read_back(value):
    assert text.parse_quantity(text.format_count(value), text.COUNTS) == pytest.approx(value, rel=0.005)
    assert text.parse_quantity(text.format_count(value, 6, ''), text.COUNTS) == pytest.approx(value, rel=5e-6)
    assert text.parse_quantity(text.format_bytes(value).replace('bytes', ''), text.BYTES) == pytest.approx(
        value, rel=0.005
    )


@given(st.floats(min_value=1e-6, max_value=1e5))
def test_durations_are_read_back(seconds):
    assert text.parse_quantity(text.format_duration(seconds), text.SECONDS) == pytest.approx(seconds, rel=0.005)


def test_numbers():
    assert [text.format_count(value) for value in (1234567, 999, 10031002, 1234567890123, None)] == [
        '1.23 M',
        '999',
        '10 M',
        '1235 G',
        'not known',
    ]
    assert [text.format_count(value, 4, '') for value in (12, 1234, 2500000, 3.2e9)] == ['12', '1.234k', '2.5M', '3.2G']
    assert [text.format_bytes(value) for value in (12, 1234, 1.4e9, None)] == [
        '12 bytes',
        '1.23 kB',
        '1.4 GB',
        'not known',
    ]
    assert [text.format_duration(value) for value in (0, 0.005, 45, 720, 12240, 181440, None)] == [
        '0 s',
        '5 ms',
        '45 s',
        '12 min',
        '3.4 h',
        '2.1 days',
        'not known',
    ]
    assert (
        text.unit_scale([1, None, 2e6]) == (1e6, 'M')
        and text.unit_scale([]) == (1.0, '')
        and not math.isinf(text.unit_scale([5])[0])
    )


def test_table():
    lines = text.aligned([('name', 'n', 'kind'), ('λ', 12345, 'a'), ('longer', 1, 'bb')], left=(0, 2))
    assert lines == ['name        n  kind', 'λ       12345  a', 'longer      1  bb']
