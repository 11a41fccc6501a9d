"""What a user sees on a terminal, from a search to an exported file: one line that fits, no nan, and nothing of it stays."""

import os
import re
import sys

import pytest

from dsonas.tests import screen
from dsonas.train.engine.bar import Bar
from dsonas.train.engine.names import StageName
from dsonas.train.searching import pipeline

from .conftest import ROOT, TINY


def shown(script, *words, columns=80):
    path = os.path.join(ROOT, script)
    status, seen = screen.run([sys.executable, path, *map(str, words)], columns, folder=ROOT)
    assert status == 0, '\n'.join(seen.rows)
    return seen


def settings_file(folder):
    """A file of the tiny run's settings."""
    import yaml

    tree = {}
    for name, value in TINY.items():
        group, _, key = name.rpartition('.')
        tree.setdefault(group, {})[key] = list(value) if isinstance(value, tuple) else value
    path = folder / 'tiny.yaml'
    path.write_text(yaml.safe_dump(tree))
    return path


@pytest.mark.parametrize('columns', [80, 40])
def test_a_run_from_search_to_export(tmp_path, columns):
    run = tmp_path / 'run'
    config = settings_file(tmp_path)
    search = shown('train/search.py', '--config', config, '--run', run, '--set', 'search.test_every=1', columns=columns)
    retrain = shown('train/retrain.py', '--run', run, columns=columns)
    evaluated = shown('train/evaluate.py', run, columns=columns)
    exported = shown('tools/export.py', run, '--symbol', tmp_path / 'net', columns=columns)
    lines = [line for seen in (search, retrain, evaluated, exported) for line in seen.history]
    assert not [line for line in lines if re.search(r'\bnan\b', line)]
    drawn = [line for line in lines if re.match(r'(pretrain|search|retrain) \d+/\d+  ', line)]
    assert drawn and max(map(len, drawn)) < columns
    for seen in (search, retrain, evaluated, exported):  # what was drawn is gone in the end
        assert not [row for row in seen.rows if '  ' in row and re.match(r'(pretrain|search|retrain) \d', row)]


def test_the_time_left_is_that_of_the_run_and_ends_at_none(tiny, monkeypatch):
    """After the first epoch of pretraining, the search to come counts; after the last, nothing is left."""
    left = []

    def epoch_ends(self, course):
        left.append((course.stage.name, course.run.progress.left._amounts.copy()))

    monkeypatch.setattr(Bar, 'epoch_ends', epoch_ends)
    runs = []
    monkeypatch.setattr(Bar, 'stage_ends', lambda self, course: runs.append(course.run))
    pipeline.search(tiny(pretrain__epochs=2, search__test_every=1), ('pretrain', 'search'))
    steps = [
        (name, amounts[f'{StageName.PRETRAIN} step'], amounts[f'{StageName.SEARCH} step']) for name, amounts in left
    ]
    assert steps == [
        ('pretrain', 3, 18), ('pretrain', 0, 18), ('search', 0, 12), ('search', 0, 6), ('search', 0, 0),
    ]  # fmt: skip
    assert not any(runs[-1].progress.left._amounts.values())
