"""What is said explicitly is not ignored: keys that exclude each other, keys without effect, folders without their data set."""

import numpy as np
import pytest
from PIL import Image

from dsonas.base.errors import UserError
from dsonas.train import retrain
from dsonas.train.config import settings

from .conftest import TINY


def resolve(*words, **layers):
    return settings.resolve(assignments=words, **layers)


def test_a_budget_clears_the_channels_below_it_and_the_other_way_round():
    config = resolve(preset='smoke', flags={'retrain.budget': 'params=100k'})
    assert (config.retrain.budget, config.retrain.channels) == ('params=100k', ())
    config = resolve('retrain.channels=5', preset='quickstart')
    assert (config.retrain.budget, config.retrain.channels) == ('none', (5,))
    start = settings.flatten(resolve(preset='smoke'))
    assert resolve('retrain.budget=flops=1M', start=start).retrain.channels == ()
    assert resolve(start=start, preset='quickstart').retrain.channels == ()
    assert resolve('retrain.budget=none', start=start).retrain.channels == (4,)


def test_devices_clear_each_other():
    assert resolve('train.gpus=0', start={'train.cpus': 2}).train.cpus == 0
    assert resolve('train.cpus=2', start={'train.gpus': '0-3'}).train.gpus == ''


def test_one_file_may_hold_both_as_runs_do(tmp_path):
    (tmp_path / 'config.yaml').write_text('retrain: {budget: params=3.0M, channels: [4]}\n')
    config = resolve(config=str(tmp_path / 'config.yaml'))
    assert (config.retrain.budget, config.retrain.channels) == ('params=3.0M', (4,))


@pytest.mark.parametrize(
    'words, named',
    [
        (['retrain.budget=params=3M', 'retrain.channels=5'], ['retrain.budget', 'retrain.channels']),
        (['train.gpus=0', 'train.cpus=1'], ['train.gpus', 'train.cpus']),
        (['search.split=false', 'search.ratio=4:1'], ['search.ratio=4:1', 'search.split=false']),
        (['retrain.schedule=linear', 'retrain.t0=5'], ['retrain.t0=5', 'retrain.schedule=linear']),
        (['data.augment=false', 'data.cutout=4'], ['data.cutout=4', 'data.augment=false']),
    ],
)
def test_without_effect_is_refused(words, named):
    with pytest.raises(UserError) as error:
        resolve(*words)
    assert all(name in str(error.value) for name in named)


def test_with_effect_is_accepted():
    assert resolve('search.ratio=4:1').search.ratio == '4:1'
    assert resolve('retrain.schedule=linear', 'retrain.lr_min=0').retrain.schedule == 'linear'
    assert resolve('data.augment=false', 'data.cutout=0').data.cutout == 0
    with pytest.raises(UserError, match='search.split=false'):
        resolve('search.ratio=4:1', preset='table3_full_nosplit')


@pytest.mark.parametrize(
    'words, named',
    [
        (['--keep', '0.5', '--full'], '--keep'),
        (['--name', 'x', '--full'], '--name'),
        (['--gluoncv', 'cifar_resnet20_v1', '--budget', 'params=1M'], '--budget'),
    ],
)
def test_flags_of_retrain_without_effect(words, named):
    with pytest.raises(UserError, match=named):
        retrain.main(words)


@pytest.fixture
def photos(tmp_path):
    for name in ('cats', 'dogs'):
        (tmp_path / 'photos' / name).mkdir(parents=True)
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(str(tmp_path / 'photos' / name / '1.png'))
    return str(tmp_path / 'photos')


@pytest.mark.parametrize('preset', [None, 'quickstart', 'imagenet', 'smoke'])
def test_a_folder_is_never_silently_another_data_set(photos, preset, capsys):
    config = resolve(preset=preset, flags={'data.dir': photos})
    assert (config.data.name, config.data.dir) == ('folder', photos)
    assert 'folder' in capsys.readouterr().err


def test_a_named_data_set_is_taken_by_its_name(photos, tmp_path, capsys):
    assert resolve('data.name=imagenet', flags={'data.dir': photos}).data.name == 'imagenet'
    assert (
        resolve(start={'data.name': 'cifar10', 'data.dir': '/old'}, flags={'data.dir': photos}).data.name == 'cifar10'
    )
    assert capsys.readouterr().err == ''
    (tmp_path / 'empty').mkdir()
    assert resolve(preset='imagenet', flags={'data.dir': str(tmp_path / 'empty')}).data.name == 'imagenet'


def test_options_of_one_data_set_are_not_those_of_another(photos, capsys):
    turned = {'data.name': 'digits', 'data.rotate': 30.0, 'data.scale': (0.6, 1.2)}
    for layers in ({'preset': 'searched_against_random'}, {'start': turned}):
        config = resolve(flags={'data.name': 'folder', 'data.dir': photos}, **layers)
        assert (config.data.rotate, config.data.scale) == (0.0, ())
        config = resolve('data.rotate=7', flags={'data.name': 'folder', 'data.dir': photos}, **layers)
        assert config.data.rotate == 7.0, 'what is said explicitly stays, and is refused when the data are opened'
        kept = resolve('data.scale=0.9,1.1', **layers)
        assert (kept.data.rotate, kept.data.scale) == (30.0, (0.9, 1.1))
    config = resolve(preset='searched_against_random', flags={'data.dir': photos})
    assert (config.data.name, config.data.rotate) == ('folder', 0.0)


@pytest.mark.parametrize('preset', [None, 'quickstart'])
def test_what_is_not_recognised_is_refused_with_the_choices(tmp_path, preset):
    with pytest.raises(UserError, match='--dataset .*cifar10, .*folder') as error:
        resolve(preset=preset, flags={'data.dir': str(tmp_path)})
    assert 'digits' not in str(error.value)
    with pytest.raises(UserError, match='no such file or folder'):
        resolve(preset=preset, flags={'data.dir': str(tmp_path / 'no')})


def test_the_embedded_digits_lie_in_no_folder(photos):
    for layers in (
        {'flags': {'data.name': 'digits', 'data.dir': photos}},
        {'start': TINY, 'flags': {'data.dir': photos}},
    ):
        with pytest.raises(UserError, match='lie in no folder'):
            resolve(**layers)
