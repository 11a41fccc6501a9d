"""predictions.npz: round trip, what may be left out, damage."""

import pathlib

import numpy as np
import pytest

from dsonas.base.errors import UserError
from dsonas.runfiles.predictions import read_predictions, write_predictions

OLD = pathlib.Path(__file__).resolve().parent.parent / 'old_runs'
PROBABILITIES = np.array([[0.1, 0.9], [0.6, 0.4], [0.3, 0.7]], np.float32)


def written(folder):
    write_predictions(str(folder), [1, 1, 1], PROBABILITIES, ['a', 'b'], [1], np.full((1, 4, 5, 3), 7, np.uint8))
    return str(folder / 'predictions.npz')


def test_round_trip(tmp_path):
    assert read_predictions(str(tmp_path)) is None
    written(tmp_path)
    found = read_predictions(str(tmp_path))
    assert found['labels'].tolist() == [1, 1, 1] and found['predicted'].tolist() == [1, 0, 1]
    assert np.array_equal(found['probabilities'], PROBABILITIES) and found['classes'].tolist() == ['a', 'b']
    assert found['worst_index'].tolist() == [1] and found['worst_images'].shape == (1, 4, 5, 3)


def test_a_test_without_mistakes(tmp_path):
    write_predictions(str(tmp_path), [1, 0, 1], PROBABILITIES, ['a', 'b'], [], np.zeros((0, 4, 4, 3), np.uint8))
    assert len(read_predictions(str(tmp_path))['worst_images']) == 0


def test_what_may_be_left_out(tmp_path):
    np.savez(str(tmp_path / 'predictions.npz'), labels=np.arange(3), predicted=np.arange(3))
    assert sorted(read_predictions(str(tmp_path))) == ['labels', 'predicted']


def test_old_runs_are_read():
    found = read_predictions(str(OLD / '0.1.0' / 'finished'))
    assert 100 * (found['labels'] != found['predicted']).mean() == pytest.approx(90.24)


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'labels': None}, "without the array 'labels'"),
        ({'predicted': np.zeros(2, int)}, 'labels and predicted are not of one length'),
        ({'labels': np.zeros((3, 1), int)}, 'labels and predicted are not of one length'),
        ({'labels': np.zeros(3)}, 'labels are float64, not whole numbers'),
        ({'probabilities': PROBABILITIES[:2]}, r'probabilities has shape \(2, 2\), not \(3, classes\)'),
        ({'worst_index': np.array([3])}, 'worst_index reaches outside of the 3 test images'),
        ({'worst_index': np.array([0.5])}, 'worst_index is float64'),
        ({'worst_images': np.zeros((1, 4, 5, 3))}, 'worst_images is float64'),
        ({'worst_images': np.zeros((2, 4, 5, 3), np.uint8)}, 'worst_images is uint8 of shape'),
    ],
)
def test_what_is_wrong_is_said(changes, message, tmp_path):
    path = written(tmp_path)
    with np.load(path) as archive:
        arrays = {**archive, **changes}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(UserError, match=f'predictions.npz: {message}'):
        read_predictions(str(tmp_path))
