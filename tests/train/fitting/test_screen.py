"""The plan and the result as text: what a reader needs, in 80 columns, whatever the names."""

import json
import math
import os

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from dsonas.runfiles.fit import FitRecord
from dsonas.train.config import settings
from dsonas.train.fitting import delivering, screen, telling
from dsonas.train.fitting.planning import phases


def record(**changes):
    estimates = {phase: 60.0 for phase in ['prepare', *phases(2, ('random', 'known'))]}
    fields = dict(
        asked={}, minutes=8.0, values={}, estimates=estimates, epochs={'pretrain': 3, 'search': 10, 'retrain': 200}
    )
    return FitRecord(**{**fields, 'zoo': 'mobilenetv2_0.25', 'remarks': ['a remark ' * 20], **changes})


def config(run='runs/' + 'x' * 200):
    return settings.build({'run': run, 'retrain.budget': 'latency=2ms'})


def test_a_plan_names_every_phase_within_the_width():
    lines = screen.plan(record(), config(), {'pretrain': 10, 'search': 20, 'retrain': 19})
    text = '\n'.join(lines)
    assert max(map(len, lines)) <= telling.WIDTH
    for words in ('search (2)', 'mobilenetv2_0.25', '8 minutes', 'latency=2ms', '3800', '1:00', '11:00'):
        assert words in text, words


def test_a_result_says_how_good_large_and_fast_and_what_to_do(tmp_path):
    networks = {}
    for number, phase in enumerate(('retrain', 'retrain-2', 'random', 'known')):
        folder = tmp_path / ('r' * 60) if not number else tmp_path / ('r' * 60) / phase
        folder.mkdir()
        summary = dict(
            test_error=10.0 + number, test_images=200, params=12345, flops=6_000_000, latency_ms=1.5, edges=30
        )
        low, high = delivering.interval(summary['test_error'], 200)
        (folder / 'summary.json').write_text(json.dumps(dict(summary, test_error_low=low, test_error_high=high)))
        networks[phase] = str(folder)
    lines = screen.result(record(spent={'prepare': 90.0}), config(networks['retrain']), networks)
    text = '\n'.join(line for line in lines if networks['retrain'] not in line)
    assert max(map(len, text.splitlines())) <= telling.WIDTH
    for words in ('90.0 % of 200', '95 %', '12.3 k', '6 M', '1.5 ms', 'may be chance', 'searches', 'mobilenetv2_0.25'):
        assert words in text, words
    assert any('dsonas predict' in line for line in lines)


@profile(deadline=None)
@given(st.integers(1, 10_000), st.floats(0, 1))
def test_an_interval_holds_its_error_and_narrows_with_images(images, share):
    error = 100 * round(share * images) / images
    low, high = delivering.interval(error, images)
    assert 0 <= low <= error + 1e-9 and error - 1e-9 <= high <= 100
    wider = delivering.interval(error, max(1, images // 4))
    assert high - low <= wider[1] - wider[0] + 1e-9


def test_an_interval_is_wilsons():
    low, high = delivering.interval(5.0, 100)  # 5 of 100: textbooks have 0.0215 to 0.1118
    assert (low, high) == (pytest.approx(2.15, abs=0.01), pytest.approx(11.18, abs=0.01))
    assert delivering.interval(0.0, 24)[1] == pytest.approx(100 * 3.8415 / (24 + 3.8415), abs=0.01)


@pytest.mark.parametrize('seconds, text', [(0, '0:00'), (59.6, '1:00'), (75, '1:15'), (3725, '1:02:05')])
def test_clock(seconds, text):
    assert telling.clock(seconds) == text


def test_lines_are_wrapped_and_quiet_is_silent(capsys):
    telling.Teller().tell('word ' * 60)
    telling.Teller(quiet=True).tell('nothing')
    telling.Teller().say('of a stage')
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= telling.WIDTH and text.split() == ['word'] * 60


def test_epochs_are_told_now_and_then_and_the_last_one_always(capsys):
    class Course:
        stage = type('Stage', (), {'epochs': 100})
        over, row, epoch, ended = False, {}, 0, ''

    now = [0.0]
    callback = telling.Epochs(telling.Teller(), lambda: now[0])
    course = Course()
    callback.stage_begins(course)
    for epoch in range(1, 101):
        now[0] += 1.0
        course.row, course.over = {'stage': 'search', 'epoch': epoch, 'loss': 0.5, 'edges': 7}, epoch == 100
        callback.epoch_ends(course)
    lines = capsys.readouterr().out.splitlines()
    course.ended, course.epoch = 'enough', 100
    callback.epoch_ends(course)
    assert 'ends after epoch 100: enough' in capsys.readouterr().out
    assert len(lines) == 10 and lines[-1].startswith('  search 100/100, loss 0.500') and '7 edges' in lines[-1]


def test_a_line_of_an_epoch_fits_with_the_time_left_of_the_fit():
    row = {'stage': 'search', 'epoch': 100, 'loss': 12.345, 'error': 99.9, 'test_error': 99.9, 'edges': 1234}
    line = telling.line_of(row, 100, 3000.0)
    assert line.endswith(', 50 min left') and len(line) <= telling.WIDTH
    assert telling.line_of(dict(row, test_error=None), 100, 3000.0).endswith('99.9 %, 1234 edges, 50 min left')
    assert telling.line_of(dict(row, edges=None), 100).endswith('test error 99.9 %')


def test_files_that_are_not_there_are_not_named(tmp_path):
    assert math.isclose(len(screen._files(str(tmp_path))), 1)
    (tmp_path / 'report.html').write_text('')
    assert any('report.html' in line for line in screen._files(str(tmp_path)))
    assert not os.path.exists(str(tmp_path / 'model.onnx'))
