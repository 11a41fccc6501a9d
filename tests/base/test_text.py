"""Numbers with units are read as they are written, and tables stand in columns."""

import csv
import io
import json
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


@pytest.mark.parametrize(
    'given_text, expected',
    [
        ('a\nb\tc', r'a\nb\tc'),
        ('\x1b[31mred', r'\x1b[31mred'),
        ('a\u202eb', r'a\u202eb'),
        ('\udcff\udce4.png', r'\xff\xe4.png'),
        ('\ud800', r'\ud800'),
        ('\x7f\x85', r'\x7f\x85'),
        ('λ – ä 漢', 'λ – ä 漢'),
        ('a\xa0b', 'a\xa0b'),
    ],
)
def test_escaped(given_text, expected):
    assert text.escaped(given_text) == expected
    assert text.escaped(given_text, keep='\n\t') == expected.replace(r'\n', '\n').replace(r'\t', '\t')


ANY = st.text(st.characters(blacklist_categories=()))


@given(ANY)
def test_any_text_is_one_line_that_can_be_encoded(given_text):
    for shown in (
        text.escaped(given_text),
        text.shown(given_text),
        text.markdown(given_text),
        text.spreadsheet(given_text),
    ):
        assert len(shown.splitlines()) <= 1 and not any(ord(letter) < 32 or letter == '\x7f' for letter in shown)
        shown.encode('utf-8')
    assert len(text.shown(given_text)) <= 60 and text.escaped(text.escaped(given_text)) == text.escaped(given_text)


@given(ANY, st.integers(1, 50))
def test_clipped(given_text, longest):
    clipped = text.clipped(given_text, longest)
    assert len(clipped) <= longest and (clipped == given_text if len(given_text) <= longest else '…' in clipped)


def test_shown_of_what_is_large():
    for value in ('x' * 10**6, list(range(10**5)), {str(key): key for key in range(10**5)}, 10**90, [[['y' * 10**5]]]):
        assert len(text.shown(value)) <= 60 and text.shown(value).isprintable()


def test_cells():
    assert text.markdown('a|b `c` *d* <e> & [f](g)') == r'a\|b \`c\` \*d\* &lt;e> &amp; [f\](g)'
    cells = ['=1+1', '+x', '-x', '@x', '-', '-0.5', '+3', 'a=b', '-1e3', 'x']
    assert [text.spreadsheet(cell) for cell in cells] == [
        "'=1+1",
        "'+x",
        "'-x",
        "'@x",
        '-',
        '-0.5',
        '+3',
        'a=b',
        '-1e3',
        'x',
    ]


@given(ANY)
def test_json_safe(given_text):
    written = text.json_safe(json.dumps([given_text], indent=1, ensure_ascii=False))
    assert written.replace('\n', '').isprintable() or any(letter.isspace() for letter in given_text)
    assert json.loads(written) == [given_text] or '\ud800' <= max(given_text) and len(json.loads(written)) == 1


@given(ANY)
def test_spreadsheet_is_read_back_as_one_cell(given_text):
    stream = io.StringIO()
    csv.writer(stream).writerow([text.spreadsheet(given_text), 'end'])
    ((cell, end),) = csv.reader(io.StringIO(stream.getvalue()))
    assert end == 'end' and (cell[:1] not in ('=', '@') or not cell)


@given(st.lists(st.text('abc ', max_size=40), min_size=1, max_size=8), st.integers(4, 120))
def test_few_are_the_first_and_the_others_are_counted(texts, room):
    line = text.few(texts, room)
    assert len(line) <= room + len(' and 8 more')
    assert line.startswith(texts[0][: room - 3]) and (
        '; '.join(texts) == line or line.endswith('...') or ' and ' in line
    )


def test_few_with_room_are_all():
    assert text.few(['a', 'b', 'c'], 9) == 'a; b; c' and text.few(['a', 'b', 'c'], 5) == 'a; b and 1 more'
    assert text.few([], 9) == ''
