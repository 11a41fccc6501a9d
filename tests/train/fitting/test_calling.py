"""dsonas.fit from Python: arrays in, a Result out that is read from the run alone."""

import os
import shutil

import mxnet as mx
import numpy as np
import pytest
from PIL import Image

import dsonas
from dsonas.base.errors import UserError
from dsonas.runfiles.data import read_data
from dsonas.runfiles.fit import read_fit
from dsonas.runfiles.log import read_log
from dsonas.symbols.architecture import Architecture
from dsonas.tools.exporting import onnx_file
from dsonas.train.deriving.evaluation import evaluate_run
from dsonas.train.fitting import given

from .conftest import TINY
from .test_given import TEST, TRAIN, drawn


class Counting(dsonas.Callback):
    epochs = 0

    def epoch_ends(self, course):
        self.epochs += 1


def smoothed(seen):
    def loss(logits, labels):
        seen.append(logits.shape)
        return -mx.nd.pick(mx.nd.log_softmax(logits * 0.5), labels)

    return loss


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """(Result, the callback, shapes that the loss has seen) of a fit."""
    count, seen = Counting(), []
    run = tmp_path_factory.mktemp('calling') / 'run'
    data = (TRAIN, TEST)
    result = dsonas.fit(data, minutes=10, run=run, loss=smoothed(seen), callbacks=[count], overrides=TINY, quiet=True)
    return result, count, seen


def test_callbacks_and_loss_are_used_in_all_stages(whole):
    result, count, seen = whole
    record = read_fit(result.run)
    folders = [row['run'] for row in result.leaderboard()]
    rows = sum(len(read_log(os.path.join(folder, 'log.csv'))) for folder in folders)
    assert count.epochs == rows > sum(record.epochs.values()) and seen and {shape[1] for shape in seen} == {2}


def test_the_run_knows_its_arrays(whole):
    known = read_data(os.path.join(whole[0].run, 'data.json'))
    assert known.name == 'npz' and known.classes == ['bright', 'dark'] and known.total('test') == 20
    assert known.fingerprint == given.arrays_of((TRAIN, TEST)).fingerprint


def test_the_leaderboard_is_data_text_and_html(whole):
    board = whole[0].leaderboard()
    assert {row['network'].split('_')[0] for row in board} >= {'searched', 'random'}
    errors = [row['test_error'] for row in board]
    assert errors == sorted(errors) and whole[0].test_error in errors
    searched = next(row for row in board if row['network'] == 'searched')
    assert searched['run'] == whole[0].run and searched['params'] <= 4000 and searched['latency_ms'] > 0
    lines = str(board).splitlines()
    assert lines[0].split()[:3] == ['network', 'test', 'error'] and len(lines) == 2 + len(board)
    assert board._repr_html_().count('<tr>') == 1 + len(board) and repr(board) == str(board)


def test_predictions_are_the_same_for_every_form_of_an_image(whole, tmp_path):
    result, (x, y) = whole[0], TEST
    path = str(tmp_path / '0.png')
    Image.fromarray(x[0]).save(path)
    forms = (
        path,
        tmp_path,
        x[0],
        x[0].transpose(2, 0, 1),
        x[:1],
        [x[0]],
        Image.open(path),
        mx.nd.array(x[0], dtype='uint8'),
    )
    answers = [result.predict(form, top=2) for form in forms]
    assert all(len(answer) == 1 and answer == answers[0] for answer in answers)
    assert sum(share for _, share in answers[0][0]) == pytest.approx(1, abs=1e-5)
    several = result.predict([path, x[1:4], [x[4]]])
    assert len(several) == 5 and {name for ((name, _),) in several} <= set(y)
    grey = x[..., 0]
    alike = result.predict([np.stack([image] * 3, axis=-1) for image in grey[:4]])
    assert (
        result.predict(grey[:4]) == alike == result.predict(grey[:3, None]) + alike[3:]
        and result.predict(grey[0]) == alike[:1]
    )
    with pytest.raises(UserError, match='an image array of type float64'):
        result.predict(x[0] / 255)
    with pytest.raises(UserError, match='images: int; expected files'):
        result.predict(3)


def test_the_test_error_is_that_of_the_predictions(whole):
    result, (x, y) = whole[0], TEST
    wrong = np.mean([names[0][0] != label for names, label in zip(result.predict(x), y)])
    assert 100 * wrong == pytest.approx(result.test_error, abs=1e-4)


def test_architecture_network_and_repr(whole):
    result = whole[0]
    assert result.architecture == Architecture.load(os.path.join(result.run, 'architecture.json'))
    assert result.network.architecture == result.architecture and list(result.classes) == ['bright', 'dark']
    assert 'test error' in repr(result) and '\n' not in repr(result)
    text = result._repr_html_()
    assert '<svg' in text and '<table' in text and 'searched' in text


def test_the_export_computes_what_predict_does(whole, tmp_path):
    result, (x, _) = whole[0], TEST
    path = result.export(tmp_path / 'net.onnx')
    assert (tmp_path / 'net.md').exists()
    logits = onnx_file.runner(path)[0](x[:4].transpose(0, 3, 1, 2).astype(np.float32))
    assert [names[0][0] for names in result.predict(x[:4])] == [result.classes[place] for place in logits.argmax(1)]
    with pytest.raises(UserError, match='ends with .onnx'):
        result.export(tmp_path / 'net.pb')


def test_the_report_is_a_path_and_shows_itself(whole, tmp_path):
    own, other = whole[0].report(), whole[0].report(tmp_path / 'r.html')
    assert own == os.path.join(whole[0].run, 'report.html') and os.path.getsize(other) > 1000
    assert own._repr_html_().startswith('<iframe') and 'srcdoc=' in own._repr_html_()


def test_a_moved_run_is_opened_evaluated_and_exported_from_its_files_alone(whole, tmp_path, monkeypatch):
    result = whole[0]
    error, architecture = result.test_error, result.architecture  # read from its files when they are asked for
    moved = str(tmp_path / 'elsewhere')
    shutil.copytree(result.run, moved)
    os.rename(result.run, result.run + '-away')
    try:
        again = dsonas.open_run(moved)
        assert again.test_error == error and again.architecture == architecture
        assert [row['test_error'] for row in again.leaderboard()] and again.predict(TEST[0][:2])
        for row in again.leaderboard():
            assert row['run'].startswith(moved)
            tested = evaluate_run(row['run'], cpus=1)
            assert tested['images'] == 20 and tested['test_error'] == pytest.approx(row['test_error'])
            assert tested['predictions'] and not tested['differs']
        assert os.path.exists(again.export(tmp_path / 'moved.onnx'))
    finally:
        os.rename(result.run + '-away', result.run)


def test_the_same_call_gives_the_same_result_and_other_arrays_are_refused(whole):
    result = whole[0]
    again = dsonas.fit((TRAIN, TEST), minutes=10, run=result.run, overrides=TINY, quiet=True)
    assert again.summary == result.summary
    before = os.stat(os.path.join(result.run, 'arrays.npz')).st_mtime_ns
    with pytest.raises(UserError, match='begun with other data than these'):
        dsonas.fit((TRAIN, drawn(20, 2)), minutes=10, run=result.run, overrides=TINY, quiet=True)
    with pytest.raises(UserError, match='seed: 0 -> 1|other settings or data'):
        dsonas.fit((TRAIN, TEST), minutes=10, run=result.run, seed=1, overrides=TINY, quiet=True)
    assert os.stat(os.path.join(result.run, 'arrays.npz')).st_mtime_ns == before


def test_a_fit_that_cannot_begin_leaves_nothing(tmp_path):
    run = tmp_path / 'new' / 'run'
    with pytest.raises(UserError, match='minutes=0.0001: too short'):
        dsonas.fit((TRAIN, TEST), minutes=0.0001, run=run, overrides=TINY, quiet=True)
    assert not (tmp_path / 'new').exists()


def test_an_interrupted_fit_goes_on_with_its_arrays(whole, tmp_path):
    """A callback that raises in the middle, then the same call without it: the numbers of the uninterrupted one."""

    class Breaking(dsonas.Callback):
        def epoch_ends(self, course):
            if course.row['stage'] == 'retrain':
                raise RuntimeError('on purpose')

    asked = dict(minutes=10, run=tmp_path / 'run', loss=smoothed([]), overrides=TINY, quiet=True)
    with pytest.raises(RuntimeError, match='on purpose'):
        dsonas.fit((TRAIN, TEST), callbacks=[Breaking()], **asked)
    with pytest.raises(UserError, match='its fit is not finished'):
        dsonas.open_run(tmp_path / 'run')
    result = dsonas.fit((TRAIN, TEST), **asked)
    assert result.test_error == whole[0].test_error and result.architecture == whole[0].architecture
