"""fit.json goes round, and damage in it is named."""

import json
import os

import pytest

from dsonas.base.errors import UserError
from dsonas.runfiles.fit import FILE, FitRecord, read_fit, write_fit


def record():
    return FitRecord(
        {'minutes': 8}, 8.0, {'space.blocks': [1, 1]}, {'search': 3.5, 'finish': 1.0}, {'search': 4}, 'net'
    )


def test_goes_round(tmp_path):
    run = str(tmp_path / 'run')
    assert read_fit(run) is None
    one = record()
    one.done.append('search')
    one.spent['search'] = 4.0
    write_fit(run, one)
    assert read_fit(run) == one and not one.finished
    one.left_out.append('finish')
    assert one.finished


@pytest.mark.parametrize(
    'change', [{'version': 2}, {'minutes': -1}, {'epochs': {'search': 'x'}}, {'done': 'search'}, {'asked': None}]
)
def test_damage_is_named(change, tmp_path):
    write_fit(str(tmp_path), record())
    path = os.path.join(str(tmp_path), FILE)
    with open(path) as stream:
        content = json.load(stream)
    with open(path, 'w') as stream:
        json.dump({**content, **change}, stream)
    with pytest.raises(UserError, match=FILE):
        read_fit(str(tmp_path))
