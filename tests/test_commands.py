"""Commands that the documents show and the recipes run: each is accepted, and those that can run here do, at a small scale."""

import os
import re
import shlex
import subprocess
import sys

import pytest

from dsonas.train.config import settings

from .data import cifar_archive, image_files
from .documents import DOCUMENTS, MANUAL, ROOT, check_command, shell_lines

RECIPES = sorted((ROOT / 'experiments').glob('*.sh'))
WRONG = (
    'python train/search.py --preset nothing',
    'python tools/none.py',
    'python train/search.py --gama 0.1',
    'rm x',
    'python train/search.py --set search.gama=1',
    'python tools/launch.py -n 1 -- python none.py',
    'make all-of-it',
    "python 'x",
    'python tools/make_tables.py RUN --table 9',
    'bash experiments/none.sh',
    'pip install -e .[all]',
    'dsonas serch',
    'dsonas search --gama 0.1',
)
NOT_HERE = {
    'make ': 'installs anew',
    'dsonas fit': 'takes the minutes that it is given; it has tests of its own',
    'check-gpu': 'takes minutes; tests/tools/test_check_gpu.py runs it',
    'pip ': 'installs anew',
    r'\. \.venv': 'is of a shell',
    'export ': 'is of a shell',
    'bash experiments': 'takes minutes; its commands are looked at one by one',
    '--hostfile': 'needs several machines',
    '^tensorboard': 'serves until it is stopped',
}
TINY = {
    'search': [
        'data.limit=90',
        'data.image_size=16',
        'space.channels=4',
        'space.blocks=1,1',
        'space.levels=2',
        'space.operations=sep_conv_3x3,max_pool_3x3',
        'pretrain.epochs=1',
        'pretrain.batch_size=10',
        'search.epochs=1',
        'search.batch_size=10',
        'search.prune_every=1',
        'train.test_batch=250',
        'train.tensorboard=false',
    ],
    'retrain': [
        'data.limit=90',
        'data.image_size=16',
        'space.blocks=1,1',
        'retrain.epochs=1',
        'retrain.batch_size=10',
        'train.test_batch=250',
        'train.tensorboard=false',
    ],
}


@pytest.mark.parametrize('line', [line for _, line in shell_lines()], ids=[name for name, _ in shell_lines()])
def test_commands_are_accepted(line):
    check_command(line)


@pytest.mark.parametrize('line', WRONG)
def test_commands_that_are_wrong_are_found(line):
    with pytest.raises((AssertionError, ValueError)):
        check_command(line)


@pytest.mark.parametrize('recipe', RECIPES, ids=lambda recipe: recipe.name)
def test_recipes_are_shell_scripts_that_may_be_run(recipe):
    assert subprocess.run(['bash', '-n', str(recipe)]).returncode == 0
    assert recipe.read_text().startswith('#!/') and os.access(str(recipe), os.X_OK)


def recorded(recipe, folder, scale, **variables):
    """Command lines that a recipe would run. variables: DATA_CIFAR10 and DATA_IMAGENET, unset where not given."""
    (folder / 'python').write_text('#!/bin/sh\nexec %s "$@"\n' % shlex.quote(sys.executable))
    (folder / 'python').chmod(0o755)
    environment = dict(
        os.environ,
        PATH='%s:%s' % (folder, os.environ['PATH']),
        SCALE=scale,
        SEEDS='2',
        GPUS='0-7',
        ROOT=str(folder / 'runs'),
        RUN=str(folder / 'runs' / 'one'),
        **variables,
    )
    for name in {'DATA_CIFAR10', 'DATA_IMAGENET'} - set(variables):
        environment.pop(name, None)
    done = subprocess.run(
        ['bash', str(recipe), '--dry-run'],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.splitlines()


@pytest.mark.parametrize('scale', ['smoke', 'paper'])
@pytest.mark.parametrize('recipe', RECIPES, ids=lambda recipe: recipe.name)
def test_every_command_of_a_recipe_is_accepted(recipe, scale, tmp_path):
    lines = recorded(recipe, tmp_path, scale, DATA_CIFAR10='cifar', DATA_IMAGENET='records')
    assert any('train/search.py' in line for line in lines) and lines[-1].split()[1].startswith('tools/')
    for line in lines:
        check_command(line)


@pytest.mark.parametrize('name', ['table1_cifar10.sh', 'table2_imagenet.sh'])
def test_recipes_leave_data_to_gluons_place(name, tmp_path):
    """Without DATA_* no folder is named, and the search looks for itself; with it, every search at the paper's scale gets it."""
    recipe = ROOT / 'experiments' / name
    for variables in ({}, {'DATA_CIFAR10': 'mine', 'DATA_IMAGENET': 'mine'}):
        (tmp_path / str(len(variables))).mkdir()
        lines = recorded(recipe, tmp_path / str(len(variables)), 'paper', **variables)
        searches = [line for line in lines if 'train/search.py' in line]
        assert searches and all(('--data-dir mine' in line) == bool(variables) for line in searches)


def test_every_preset_is_used_or_named():
    """A file of settings that no recipe, document or other file refers to is a leftover."""
    files = RECIPES + DOCUMENTS + [ROOT / 'experiments' / 'tables.yaml', *(ROOT / 'train').glob('*.py')]
    text = ''.join(path.read_text(encoding='utf-8') for path in files)
    text += ''.join(
        re.sub(r'^# .*', '', path.read_text()) for path in (ROOT / 'experiments' / 'configs').glob('*.yaml')
    )
    patterns = [re.sub(r'\$\{?\w+\}?', r'\\w+', word) for word in re.findall(r'[\w${}]+', text)]
    patterns = [re.compile(word) for word in set(patterns) if '\\w+' in word]
    for name in settings.presets():
        assert re.search(r'\b%s\b' % name, text) or any(pattern.fullmatch(name) for pattern in patterns), name


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """A folder with small data to learn from."""
    folder = tmp_path_factory.mktemp('data')
    (folder / 'tools').symlink_to(ROOT / 'tools')
    image_files.tree(folder / 'DIR' / 'train', {'cat': 30, 'dog': 30, 'fox': 30})
    image_files.tree(folder / 'DIR' / 'test', {'cat': 5, 'dog': 5, 'fox': 5}, seed=1)
    (folder / 'CIFAR').mkdir()
    cifar_archive.write(folder / 'CIFAR', 'binary')
    gluon = folder / 'mxnet' / 'datasets'
    gluon.mkdir(parents=True)
    for name, data in (('cifar10', 'CIFAR'), ('imagenet', 'RECORDS')):
        (gluon / name).symlink_to(folder / data)
    command(folder, 'python tools/prepare_imagenet.py RECORDS --from-folder DIR --short-side 32')
    return folder


@pytest.fixture(scope='module')
def places(data, tmp_path_factory):
    """By document: a folder that looks like the root of the repository, with the data, where all its commands are run."""
    folders = {}
    for document in MANUAL:
        folders[document] = folder = tmp_path_factory.mktemp(document.stem)
        for name in ('train', 'tools', 'experiments', 'Makefile', 'setup.py'):
            (folder / name).symlink_to(ROOT / name)
        for name in ('DIR', 'CIFAR', 'RECORDS', 'mxnet'):
            (folder / name).symlink_to(data / name)
    return folders


def command(folder, line):
    """Run a line there, one OpenMP thread; AssertionError with what it printed where it fails."""
    programs = {'python': [sys.executable], 'dsonas': [sys.executable, '-m', 'dsonas']}
    words = [part for word in shlex.split(line) for part in programs.get(word, [word])]
    done = subprocess.run(
        words,
        cwd=str(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        timeout=300,
        env=dict(os.environ, OMP_NUM_THREADS='1', DSONAS_CACHE=str(folder / 'cache'), MXNET_HOME=str(folder / 'mxnet')),
    )
    assert done.returncode == 0, '%s\n%s' % (line, done.stdout)
    return done.stdout


def scaled(line):
    """The line at a small scale: a CPU for the GPUs, the data that are there, the folder run, small settings where it names none."""
    line = re.sub(r'--gpus \S+', '--cpus 1', line)
    if 'cifar10' in line:
        line = line.replace('--data-dir DIR', '--data-dir CIFAR')
    line = re.sub(r'retrain\.channels=\S+', 'retrain.channels=[4,8]', line)
    line = re.sub(r'\bRUN(\.\.\.)?(?=\s|$)', 'runs/mine', line).replace('NAME', 'cifar_resnet20_v1').replace('…', '')
    for number, name in enumerate(('some.png', 'another.jpg')):
        line = line.replace(name, 'DIR/test/cat/%03d.png' % number)
    line = line.replace(
        '--channels 48 --blocks 2,2,2 --batch-size 8 --steps 3', '--channels 4 --blocks 1,1 --batch-size 2 --steps 1'
    )
    for stage, settings_ in TINY.items():
        if 'train/%s.py' % stage in line and '--keys' not in line:
            line += ''.join(' --set %s' % shlex.quote(word) for word in settings_)
            line += (
                ' --set retrain.budget=params=5k'
                if stage == 'retrain' and not re.search('--budget|retrain.channels', line)
                else ''
            )
    return line


@pytest.mark.slow
@pytest.mark.parametrize(
    'document, line',
    [(document, line) for document in MANUAL for _, line in shell_lines([document])],
    ids=lambda value: value if isinstance(value, str) else value.stem,
)
def test_commands_of_the_manual_run(document, line, places):
    """In the order of each document, which is that of a user's day."""
    place = places[document]
    why = [reason for pattern, reason in NOT_HERE.items() if re.search(pattern, line)]
    if why:
        pytest.skip(why[0])
    command(place, scaled(line))
    written = re.search(r'(?:-o|--run|--onnx) (\S+)', scaled(line))
    assert not written or (place / written.group(1)).exists(), line
