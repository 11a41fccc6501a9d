"""What a fit says of input that it cannot take: one line that names it and what is accepted, and nothing left behind."""

import os

import numpy as np
import pytest
from PIL import Image

from dsonas.base.errors import UserError
from dsonas.train import fit
from dsonas.train.fitting import FitSettings, run_fit
from dsonas.train.fitting.settings import differences

from ...data import image_files

WRONG = (
    (dict(budget='size=3'), 'size'),
    (dict(budget='params=1'), 'cannot be met'),
    (dict(budget='latency=fast'), 'latency=5ms'),
    (dict(target='30%'), 'edges=30%'),
    (dict(target='edges=0%'), 'edges=30%'),
    (dict(minutes=0), 'minutes'),
    (dict(minutes='ten'), 'minutes'),
    (dict(minutes=float('nan')), 'minutes'),
    (dict(minutes=0.01), 'at least'),
    (dict(seeds=0), 'seeds'),
    (dict(seeds=1.5), 'seeds'),
    (dict(seed=-1), 'seed'),
    (dict(dataset='none'), 'expected one of digits'),
    (dict(gpus='0'), 'GPU'),
    (dict(overrides={'search.gama': 1}), 'search.gamma'),
    (dict(overrides={'space.channels': 0}), 'space.channels'),
    (dict(plugins=('no_such_module',)), 'no_such_module'),
)


def refused(data, settings):
    """The text with which a fit ends, of one line."""
    with pytest.raises((UserError, OSError)) as caught:
        run_fit(data, settings, quiet=True)
    text = str(caught.value)
    assert '\n' not in text and 10 < len(text) < 400
    return text


@pytest.mark.parametrize('given, named', WRONG, ids=[str(given) for given, _ in WRONG])
def test_settings_that_cannot_be(given, named, shapes, overrides, tmp_path):
    if 'budget' in given:
        overrides.pop('retrain.budget')
    if 'gpus' in given:
        overrides.pop('train.cpus')
    run = tmp_path / 'runs' / 'run'
    settings = FitSettings(**{'run': str(run), 'overrides': overrides, **given})
    assert named in refused(shapes, settings)
    assert not (tmp_path / 'runs').exists()


def test_data_that_cannot_be(tmp_path, monkeypatch, overrides):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'texts' / 'a').mkdir(parents=True)
    (tmp_path / 'texts' / 'a' / 'notes.txt').write_text('words')
    image_files.shapes(tmp_path / 'one', {'disc': 10})
    image_files.shapes(tmp_path / 'few', {'disc': 3, 'square': 3})
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(str(tmp_path / 'image.png'))
    settings = FitSettings(minutes=5, overrides=overrides)
    for data, named in (
        ('nothing', 'no such file or folder'),
        ('empty', 'not recognised'),
        ('texts', 'not recognised'),
        ('image.png', 'image.png'),
        ('one', 'at least two'),
        ('few', 'at least 4'),
        ('', 'folder of images'),
    ):
        assert named in refused(data, settings), data
    assert not os.path.exists('runs')


def test_a_directory_of_another_kind_of_run_is_left_alone(shapes, overrides, tmp_path):
    run = tmp_path / 'run'
    run.mkdir()
    (run / 'config.yaml').write_text('seed: 1\n')
    text = refused(shapes, FitSettings(minutes=5, run=str(run), overrides=overrides))
    assert 'not begun by a fit' in text and sorted(os.listdir(run)) == ['config.yaml']
    (tmp_path / 'file').write_text('')
    assert 'file' in refused(shapes, FitSettings(minutes=5, run=str(tmp_path / 'file'), overrides=overrides))


def test_differences_name_what_is_other():
    assert differences({'minutes': 8, 'seeds': 1}, {'minutes': 9, 'seeds': 1}) == ['minutes: 8 -> 9']
    assert differences({'a': 1}, {'b': 2}) == ['a: 1 -> None', 'b: None -> 2']


def test_help_says_the_defaults_and_how_a_latency_is_written(capsys):
    with pytest.raises(SystemExit):
        fit.arguments(['--help'])
    text = capsys.readouterr().out
    assert 'latency=2ms' in text and 'edges=30%' in text and 'default' in text and 'runs/NAME' in text
