"""evaluations/: read as written, in the order of their names, refused when damaged."""

import json

import pytest

from dsonas.base.errors import UserError
from dsonas.runfiles import evaluations
from dsonas.runfiles.data import DataDescription
from dsonas.runfiles.evaluations import Evaluation

DATA = DataDescription('folder', ['cat', 'dog'], 16, '/images')
MADE = Evaluation('folder-12', 'last', 6, 50.0, 0.0, 0.7, ['6 -> 5 test images'], DATA)


def test_round_trip(tmp_path):
    assert evaluations.evaluations_of(str(tmp_path)) == []
    other = Evaluation('best', '3', 6, 40.0, 0.0, 0.6, [], DATA)
    for made in (MADE, other):
        evaluations.write_evaluation(str(tmp_path), made)
    (tmp_path / 'evaluations' / 'empty').mkdir()
    assert evaluations.evaluations_of(str(tmp_path)) == [other, MADE]


@pytest.mark.parametrize(
    'changes',
    [
        {'format': 'x'},
        {'test_error': 101},
        {'test_error': None},
        {'loss': float('nan')},
        {'images': '6'},
        {'differs': 'x'},
        {'differs': [1]},
        {'data': []},
        {'data': {}},
    ],
)
def test_damage_is_named(tmp_path, changes):
    evaluations.write_evaluation(str(tmp_path), MADE)
    path = tmp_path / 'evaluations' / 'folder-12' / 'evaluation.json'
    path.write_text(json.dumps(dict(json.loads(path.read_text()), **changes)))
    with pytest.raises(UserError, match='evaluation.json'):
        evaluations.evaluations_of(str(tmp_path))
