"""What a command shows: on a terminal of any width, in a notebook, and where there is neither."""

import subprocess
import sys
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsonas.base import progress
from dsonas.base.progress import Progress, clock, fitted, left, span
from dsonas.tests import screen

PARTS = [(0, 'search 12/120'), (4, '45%'), (3, 'loss 0.512'), (2, 'error 12.1%'), (6, '1234 images/s'), (1, '2 h left')]
CODE = """
import time
from dsonas.base.progress import Progress
shown = Progress(apart={apart})
with shown.phase('opening λ data'):
    time.sleep(0.8)
    shown.say('a line in between')
    with shown.phase('testing', lambda: '12 of 99 images'):
        time.sleep({pause})
print('the result')
"""


@given(st.lists(st.tuples(st.integers(0, 6), st.text(max_size=30)), min_size=1, max_size=8), st.integers(1, 200))
def test_the_line_is_never_too_long(parts, width):
    assert span(fitted(parts, width)) <= width


def test_what_matters_least_is_left_out_first():
    full = fitted(PARTS, 200)
    assert full == 'search 12/120  45%  loss 0.512  error 12.1%  1234 images/s  2 h left'
    lines = [fitted(PARTS, width) for width in range(len(full), 0, -1)]
    assert all(line.startswith('search 12/120') for line in lines if len(line) > 12)
    assert lines[1] == 'search 12/120  45%  loss 0.512  error 12.1%  2 h left'
    assert fitted(PARTS, 39) == 'search 12/120  error 12.1%  2 h left'


def test_wide_characters_take_two_columns():
    assert span('漢字') == 4 and span(fitted([(0, '漢' * 30)], 21)) == 20


def test_times():
    assert [clock(seconds) for seconds in (0.4, 59.9, 75, 3723)] == ['0 s', '59 s', '1:15', '1:02:03']
    assert [left(seconds) for seconds in (None, 0, 0.2, 99, 100, 9000)] == [
        '',
        '',
        '1 s left',
        '99 s left',
        '2 min left',
        '2.5 h left',
    ]


@pytest.mark.parametrize('columns', [80, 40, 12])
def test_on_a_terminal_lines_stand_above_and_nothing_stays(columns):
    status, seen = screen.run([sys.executable, '-c', CODE.format(apart=False, pause=1.2)], columns)
    assert status == 0 and any(line.startswith('opening λ') for line in seen.history)
    assert any(line.startswith('testing') for line in seen.history)
    if columns >= 40:
        assert not seen.wrapped and [row for row in seen.rows if row] == ['a line in between', 'the result']
        assert any(line.startswith('testing  12 of 99 images  ') for line in seen.history)


@pytest.mark.parametrize('apart', [False, True])
def test_without_a_terminal_a_line_now_and_then(apart):
    code = 'from dsonas.base import progress\nprogress.EVERY = 0.5\n' + CODE.format(apart=apart, pause=1.6)
    done = subprocess.run([sys.executable, '-c', code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    out, error = done.stdout.decode(), done.stderr.decode()
    assert 'testing, 12 of 99 images, ' in (error if apart else out) and '\r' not in out + error
    assert not error if not apart else out == 'a line in between\nthe result\n'


def test_a_terminal_that_cannot_move_its_cursor_is_none():
    words = [sys.executable, '-c', CODE.format(apart=False, pause=0.6)]
    _, seen = screen.run(words, environment={'TERM': 'dumb'})
    assert seen.history == ['a line in between', 'the result'] or [row for row in seen.rows if row] == [
        'a line in between',
        'the result',
    ]
    assert not any('testing' in line for line in seen.history)


def test_a_notebook_gets_a_bar(monkeypatch):
    made = []

    class Bar:
        def __init__(self, **options):
            self.texts, self.closed = [], False
            made.append(self)

        def set_description_str(self, text):
            self.texts.append(text)

        def close(self):
            self.closed = True

    monkeypatch.setattr(progress, 'in_notebook', lambda: True)
    monkeypatch.setitem(sys.modules, 'tqdm.auto', types.SimpleNamespace(tqdm=Bar))
    shown = Progress()
    with shown.phase('testing'):
        with shown._lock:
            shown._tick()
    assert made[0].texts[0].startswith('testing') and made[0].closed


def test_nothing_is_shown_where_it_is_not_wanted(capsys):
    shown = Progress(shown=False)
    with shown.phase('testing'):
        shown.say('a line')
    assert shown._thread is None and capsys.readouterr() == ('', '')


def test_an_error_takes_the_line_away():
    code = CODE.format(apart=False, pause=0.8).replace("print('the result')", '').replace('shown.say', 'x = 1 / 0 #')
    _, seen = screen.run([sys.executable, '-c', code])
    assert not any(row.startswith('opening') for row in seen.rows)
