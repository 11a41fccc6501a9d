"""Settings: precedence, what is refused and what the refusal says, files that can be read back."""

import pytest

from dsonas.data.dataset import Options
from dsonas.data.registry import DATASETS
from dsonas.symbols.space import SearchSpace
from dsonas.train.config import flags, settings
from dsonas.train.config.tree import ratio


def write(path, text):
    path.write_text(text, encoding='utf-8')
    return str(path)


def test_later_layers_win(tmp_path):
    file = write(tmp_path / 'c.yaml', 'search: {gamma: 0.02, lr: 0.3}\nseed: 5\n')
    config = settings.resolve(preset='text', config=file, assignments=['search.lr=0.4', 'seed=6'], flags={'seed': 7})
    assert config.search.momentum == 0.9  # default
    assert config.search.nonnegative is False  # preset
    assert config.search.gamma == 0.02  # file over default
    assert config.search.lr == 0.4  # --set over file
    assert config.seed == 7  # flag over --set


def test_data_set_brings_its_published_settings_beneath_the_preset():
    config = settings.resolve(preset='text', flags={'data.name': 'imagenet'})
    assert (config.space.blocks, config.space.stem, config.retrain.budget) == ((2, 2, 13, 6), 'imagenet', 'flops=600M')
    assert config.search.nonnegative is False and config.space.searchable_reduction is False
    assert settings.resolve().space.blocks == (8, 8, 8)
    config = settings.resolve(preset='text', flags={'data.name': 'cifar100', 'data.labels': 'coarse'})
    assert (config.data.name, config.data.labels, config.retrain.epochs) == ('cifar100', 'coarse', 630)


def test_base_of_a_file(tmp_path):
    file = write(tmp_path / 'c.yaml', 'base: table3_full_ratio4\nsearch: {gamma: 0.5}\n')
    config = settings.resolve(config=file)
    assert (config.space.share, config.search.ratio, config.data.split, config.search.gamma) == (False, '4:1', 0.8, 0.5)


@pytest.mark.parametrize(
    'assignment, words',
    [
        ('search.gama=1', ['search.gama', 'search.gamma']),
        ('gamma=1', ['gamma', 'search.gamma']),
        ('search.penalty=flop', ['search.penalty', 'flops, mac, latency']),
        ('data.name=nope', ['data.name', 'digits, cifar10']),
        ('data.labels=all', ['data.labels', 'fine, coarse']),
        ('data.limit=1.5', ['data.limit', 'whole number']),
        ('data.limit=-1', ['data.limit', 'from 0 to']),
        ('search.split=maybe', ['search.split', 'true or false']),
        ('space.blocks=a', ['space.blocks', 'list', 'whole number']),
        ('search.momentum=nan', ['search.momentum', 'number']),
        ('search.ratio=4', ['search.ratio', 'n:m']),
        ('search.ratio=0:1', ['search.ratio', 'n:m']),
        ('search.gamma', ['key=value']),
        ('search.gamma=inf', ['search.gamma', 'number']),
        ('search.momentum=1', ['search.momentum', 'below 1']),
        ('retrain.dropout=1', ['retrain.dropout', 'below 1']),
        ('data.split=1', ['data.split', 'below 1']),
        ('retrain.budget=params=3X', ['retrain.budget', 'params=3.0M']),
    ],
)
def test_refusals_name_the_key_and_what_is_accepted(assignment, words):
    with pytest.raises(ValueError) as info:
        settings.resolve(assignments=[assignment])
    text = str(info.value)
    assert '\n' not in text and all(word in text for word in words), text


def test_files_are_refused_by_name(tmp_path):
    for text, word in (
        ('search: 3\n', 'group'),
        ('- 1\n', 'keys and values'),
        ('a: [1\n', 'not YAML'),
        ('nothing: 1\n', 'nothing'),
    ):
        file = write(tmp_path / 'bad.yaml', text)
        with pytest.raises(ValueError) as info:
            settings.resolve(config=file)
        assert 'bad.yaml' in str(info.value) and word in str(info.value) and '\n' not in str(info.value)
    with pytest.raises(ValueError, match='publishd.*published'):
        settings.resolve(preset='publishd')


@pytest.mark.parametrize('name', settings.presets())
def test_presets_resolve_and_come_back_from_disk(name, tmp_path):
    config = settings.resolve(preset=name)
    assert config.preset == name
    again = settings.resolve(config=write(tmp_path / 'config.yaml', settings.dump(config)))
    assert again == config and not settings.differences(config, again)


def test_ratio_survives_yaml(tmp_path):
    assert settings.resolve(config=write(tmp_path / 'c.yaml', 'search: {ratio: 4:1, lr: 1e-3}\n')).search.ratio == '4:1'
    assert ratio('4:1') == (4, 1)


def test_published_settings_of_the_paper():
    config = settings.resolve(preset='cifar10')
    assert (config.pretrain.epochs, config.search.epochs, config.retrain.epochs) == (120, 120, 630)
    assert (config.search.gamma, config.search.ratio, config.search.prune_every) == (0.001, '1:1', 5)
    assert (config.retrain.wd, config.retrain.dropout, config.retrain.drop_path, config.retrain.auxiliary) == (
        3e-4,
        0.4,
        0.5,
        0.4,
    )
    config = settings.resolve(preset='imagenet')
    assert (config.search.gamma, config.retrain.batch_size, config.retrain.schedule, config.retrain.lr_min) == (
        0.01,
        1024,
        'linear',
        0,
    )


def test_every_key_is_explained():
    assert all(key.help for key in settings.KEYS.values())


def test_the_old_name_of_the_penalty_is_read(tmp_path):
    file = write(tmp_path / 'config.yaml', 'search: {budget: mac, gamma: 0.5}\n')
    assert settings.resolve(config=file).search.penalty == 'mac'
    assert settings.resolve(config=file, assignments=['search.budget=none']).search.penalty == 'none'
    assert settings.resolve(config=file, assignments=['search.penalty=none']).search.penalty == 'none'
    assert settings.parse_set('search.budget=latency') == ('search.penalty', 'latency')
    assert 'penalty: mac' in settings.dump(settings.resolve(config=file))
    with pytest.raises(ValueError, match='search.penalty=flop.*did you mean flops'):
        settings.resolve(assignments=['search.budget=flop'])


def test_a_group_is_the_dataclass_that_uses_its_keys():
    config = settings.resolve(assignments=['data.limit=40', 'space.levels=3'])
    assert isinstance(config.data, Options) and isinstance(config.space, SearchSpace)
    assert 'data.seed' not in settings.KEYS and 'space.classes' not in settings.KEYS
    assert [name for name in settings.KEYS if name.startswith('data.')][:2] == ['data.name', 'data.dir']


def test_help_names_every_data_set():
    text = ' '.join(flags.parser('x').format_help().split())
    assert f'data set: {", ".join(DATASETS)} [data.name' in text and 'csv' in DATASETS and 'cifar100' in DATASETS
