"""Wrong command lines, configurations and architecture files, drawn at random: never a traceback, never a wait, one line that names it.

Commands run in this process and stop where they would begin to train, measure or draw. DSONAS_EXAMPLES=1000 draws so many cases, and
other ones each time; the seed is printed.
"""

import copy
import importlib
import json
import os
import random
import time

import pytest

from dsonas.base import cli
from dsonas.base.text import escaped
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.space import SearchSpace
from dsonas.train.config import settings

from .tools.runmaker import make_run
from .tools.trainedmaker import make_trained

EXAMPLES = int(os.environ.get('DSONAS_EXAMPLES', '0'))
SEED = int(time.time()) if EXAMPLES else 1
SLOWEST, LONGEST = 10.0, 300  # seconds of a case, characters of a message


class Reached(BaseException):
    """A command came to where its work begins."""


def reached(*_, **__):
    raise Reached


STOPS = (
    'dsonas.train.searching.pipeline.SupernetStages',
    'dsonas.train.runtime.run.Run.start',
    'dsonas.train.deriving.evaluation.load_network',
    'dsonas.tools.predict.Predictor',
    'dsonas.tools.export.source',
    'dsonas.tools.bench_latency.measure',
    'dsonas.tools.bench_data.delivered',
    'dsonas.tools.bench_data.consumption',
    'dsonas.tools.bench_data.make_photographs',
    'dsonas.tools.launch.Launch.start',
    'dsonas.tools.drawing.figures.save',
    'dsonas.data.sources.digits.harder',
    'dsonas.tools.using.supernets.load',
    'subprocess.run',
    'subprocess.Popen',
)
VALUES = [
    '', ' ', '-1', '-0', '0', '1', '2', '3', '1.5', '0.5', 'inf', '-inf', 'nan', 'NaN', '1e400', '1e30', '1e-400', '²', '٣',
    '1_000', '0x10',
    '9' * 60, '9' * 3000, '100000', '1000000000', '4294967296', 'true', 'null', '[]', '[1]', '{}', '[[1]]', '../..',
    '/dev/null', '/no/such',
    'a\nb', 'ä', '\udcff', "'; :", '1:1', '1:1000000000', '0:1', '1:²', '0-1000000000', '0,0', '7-3', 'params=1e400',
    'params=3.0M', 'flops=-1',
    'flops=1', 'latency=0s', 'latency=5', 'size=3', '=', ',', ',,', '8,8,8', '1,' * 2000, '--', '-', 'x' * 5000, 'none',
    'digits', 'folder',
    'smoke', 'all', '*', '~', '%s', '{run}', '{tmp}', '{architecture}',
]  # fmt: skip
YAML_VALUES = [
    '.inf', '.nan', '1e400', '²', '2020-13-45', '2020-01-01', '1:1', '!!python/object/apply:os.system [x]', '!!binary x',
    '"\\0"', '[' * 1000,
    '{a: ' * 500, '[[[1]]]', '{a: 1}', '[1, x]', '[1, null]', '~', '""', '"1"', '1_000', '0o17', '*nobody', '&a [*a]',
    '9' * 400, '-1', '0', '1.5',
    '[-1]', '[0]', '[' + '1, ' * 2000 + '1]', 'yes', '1e30', '|', '"\\ud800"', '1000000', "'", '@', 'x: y: z', '<<: 1', 'digits',
]  # fmt: skip
BOMB = 'a: &a [1,1,1,1,1,1,1,1,1]\n' + ''.join(
    f'{after}: &{after} [{",".join(["*" + name] * 9)}]\n' for name, after in zip('abcdefgh', 'bcdefghi')
)
JSON_VALUES = [
    None, True, -1, 0, 1.5, 10**30, 1e30, 'x', '', [], {}, [[]], [None], [1, 1, 1], [10**9], ['x'] * 2000, {'a': 1}, '²', 10**9, 100_000,
]  # fmt: skip

# Words with which a command is well served, and the flags of it that take a value.
SERVED = {
    'train.search': (['--run', '{tmp}/new', '--preset', 'smoke'], ['--dataset', '--data-dir', '--gpus', '--cpus',
    '--kvstore', '--run', '--seed',
        '--preset', '--config', '--plugin', '--space', '--epochs', '--batch-size', '--gamma', '--stages']),
    'train.retrain': (['--run', '{tmp}/new', '--architecture', '{architecture}', '--preset', 'smoke'], ['--dataset',
    '--data-dir', '--gpus',
        '--cpus', '--run', '--seed', '--preset', '--config', '--architecture', '--random', '--gluoncv', '--keep', '--name',
        '--budget', '--epochs',
        '--batch-size']),
    'train.evaluate': (['{run}'], ['--json', '--dataset', '--data-dir', '--batch-size', '--gpus', '--cpus', '--worst', '--plugin']),
    'tools.predict': (['{run}', '{tmp}'], ['--top', '--format', '--batch-size', '--gpu']),
    'tools.export': (['{run}', '--onnx', '{tmp}/x.onnx'], ['--onnx', '--symbol', '--tolerance', '--images', '--data-dir']),
    'tools.count_cost': (['{architecture}'], ['--channels', '--image-size']),
    'tools.bench_latency': (['{run}'], ['--batch', '--random', '--passes', '--gpu', '--gluoncv']),
    'tools.bench_data': (['--pipelines', 'digits'], ['--pipelines', '--workers', '--batch-size', '--images', '--seconds',
    '--channels', '--blocks']),
    'tools.bench_shrink': ([], ['--channels', '--blocks', '--levels', '--operations', '--classes', '--stem', '--batch-size',
    '--image-size',
        '--steps', '--warm-up', '--threads', '--cpus', '--gpus', '--rounds', '--kinds', '--left', '--seed']),
    'tools.bench_step': ([], ['--channels', '--blocks', '--levels', '--operations', '--classes', '--stem', '--batch-size', '--image-size',
        '--steps', '--warm-up', '--threads', '--cpus', '--gpus', '--kernels', '--rounds']),
    'tools.check_gpu': (['--cpu', '--only', 'device'], ['--gpus', '--only', '--limit']),
    'tools.launch': (['-n', '1', '-s', '1', '--', 'true'], ['-n', '-s', '--hostfile', '--port', '--ssh']),
    'tools.make_tables': (['{made}'], ['--table', '-o', '--seeds']),
    'tools.plot_blocks': (['{architecture}', '-o', '{tmp}/x.svg'], ['-o', '--pruned', '--block', '--width', '--title']),
    'tools.plot_flops': (['{made}', '-o', '{tmp}/x.svg'], ['-o', '--against', '--group', '--widths', '--labels']),
    'tools.plot_search': (['{made}', '-o', '{tmp}/x.svg'], ['-o', '--stages', '--panels']),
    'tools.compare': (['{made}'], ['--draws']),
    'tools.rank_edges': (['{made}'], ['-o', '--csv', '--checkpoint', '--points', '--random', '--part', '--images', '--batches',
    '--batch-size']),
    'tools.report': (['{made}', '-o', '{tmp}/x.html'], ['-o']),
    'tools.prepare_cifar10': (['{tmp}/out', '--from', '{tmp}/none'], ['--from', '--split', '--seed']),
    'tools.prepare_imagenet': (['{tmp}/out', '--from-folder', '{tmp}/none'], ['--train', '--val', '--val-list', '--devkit',
    '--from-folder',
        '--held-out', '--short-side', '--quality', '--split', '--seed', '--workers', '--max-bad']),
    'tools.run_experiment': (['table1_cifar10', '--dry-run'], ['--seed']),
}  # fmt: skip
TRAINING = {'search': SERVED['train.search'][0], 'retrain': SERVED['train.retrain'][0]}


@pytest.fixture(scope='module')
def places(tmp_path_factory):
    """What the words of a case may name: {name: path}."""
    root = tmp_path_factory.mktemp('words')
    space = SearchSpace.cifar10(channels=4, blocks=(1, 1), levels=2)
    architecture = Architecture.random(space, seed=0, keep=0.6)
    architecture.save(str(root / 'architecture.json'))
    make_trained(root / 'run', architecture)
    (root / 'tmp').mkdir()
    return {
        'run': str(root / 'run'),
        'made': make_run(root / 'made'),
        'architecture': str(root / 'architecture.json'),
        'tmp': str(root / 'tmp'),
    }


@pytest.fixture(autouse=True)
def quiet(monkeypatch, places, tmp_path_factory):
    """Commands in an empty folder, with their own cache, that stop where work would begin."""
    monkeypatch.chdir(places['tmp'])
    monkeypatch.setenv('DSONAS_CACHE', str(tmp_path_factory.getbasetemp() / 'cache'))
    monkeypatch.setenv('MXNET_HOME', os.path.join(places['tmp'], 'home'))
    for target in STOPS:
        module, _, name = target.rpartition('.')
        try:
            monkeypatch.setattr(importlib.import_module(module), name, reached)
        except ModuleNotFoundError:  # of a class
            monkeypatch.setattr(target, reached)


def outcome(module, words, capsys):
    """(what became of a command: 'accepted' or 'refused', its message); AssertionError where it fell short."""
    capsys.readouterr()
    begin, status = time.perf_counter(), None
    try:
        status = cli.run(importlib.import_module('dsonas.' + module).main, words)
    except Reached:
        pass
    except SystemExit as end:
        status = end.code or 0
    except Exception as error:  # noqa: BLE001 (named with its words)
        raise AssertionError(f'{module} {_brief(words)}: {type(error).__name__}: {str(error)[:300]}') from error
    seconds, text = time.perf_counter() - begin, capsys.readouterr().err
    said = f'{module} {_brief(words)}: status {status} after {seconds:.1f} s: {text[-600:]}'
    assert seconds < SLOWEST, said
    if status in (None, 0, 1):
        return 'accepted', text
    errors = [line for line in text.splitlines() if line.startswith('error: ')]
    assert status == 2 and len(errors) == 1 and len(errors[0]) < LONGEST and len(errors[0]) > 12, said
    return 'refused', errors[0]


def _brief(words):
    return (
        ' '.join(word if len(word) < 80 else word[:40] + '…' for word in words)
        .encode(errors='backslashreplace')
        .decode()
    )


def filled(words, places):
    return [
        word.format(**places) if word.count('{') == 1 and word.strip('{}/').split('}')[0] in places else word
        for word in words
    ]


def flag_case(draw, places):
    """One flag of one command with a value that may be wrong. (module, words, what a refusal names)."""
    module = draw.choice(sorted(name for name in SERVED if SERVED[name][1]))
    words, flags = SERVED[module]
    flag, value = draw.choice(flags), filled([draw.choice(VALUES)], places)[0]
    given = [f'{flag}={value}'] if flag.startswith('--') else [flag, value]
    end = words.index('--') if '--' in words else len(words)
    source = ('/none',) if module.startswith('tools.prepare') else ()  # which is not there
    return (
        module,
        filled(words[:end], places) + given + filled(words[end:], places),
        (*source, flag.strip('-'), escaped(' '.join(value.split()))),
    )


def key_case(draw, places):
    """One key with --set."""
    command, key = draw.choice(sorted(TRAINING)), draw.choice(sorted(settings.KEYS))
    value = filled([draw.choice(VALUES)], places)[0]
    return f'train.{command}', filled(TRAINING[command], places) + ['--set', f'{key}={value}'], (key, value)


def bound_case(draw, places):
    """A key at the end of its range, alone or with another."""
    names = [name for name, key in settings.KEYS.items() if key.low is not None and (key.high or key.below) is not None]
    words, given = [], []
    for key in draw.sample(sorted(names), draw.choice([1, 2])):
        described = settings.KEYS[key]
        value = draw.choice([described.low, described.high or 0.999999])
        given += ['--set', f'{key}={value:g}' if isinstance(value, float) else f'{key}={value}']
        words += [key, key.rpartition('.')[2]]
    command = draw.choice(sorted(TRAINING))
    return (
        f'train.{command}',
        filled(TRAINING[command], places) + given,
        ('schedule', 'space', 'budget', 'batch_size', *words),
    )


def yaml_case(draw, places):
    """One key of a YAML file, or a file that is none."""
    key, value = draw.choice(sorted(settings.KEYS)), draw.choice(YAML_VALUES)
    group, _, last = key.rpartition('.')
    text = draw.choice(
        [
            f'{group}:\n  {last}: {value}\n' if group else f'{last}: {value}\n',
            f'{key}: {value}\n',
            BOMB,
            f'{value}\n',
            f'{value}: {key}\n',
        ]
    )
    path = os.path.join(places['tmp'], 'settings.yaml')
    with open(path, 'w', encoding='utf-8') as stream:
        stream.write(text)
    command = draw.choice(sorted(TRAINING))
    return f'train.{command}', filled(TRAINING[command], places) + ['--config', path], ('settings.yaml', key, last)


def _places_in(tree, at=()):
    yield at
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for name, child in children:
        yield from _places_in(child, at + (name,))


def json_case(draw, places):
    """An architecture file with one wrong value."""
    with open(places['architecture'], encoding='utf-8') as stream:
        tree = {'root': json.load(stream)}
    at = draw.choice(list(_places_in(tree))[1:])
    inner = tree
    for name in at[:-1]:
        inner = inner[name]
    inner[at[-1]] = copy.deepcopy(draw.choice(JSON_VALUES))
    text = json.dumps(tree['root'])
    if draw.random() < 0.2:
        text = draw.choice(
            [
                '',
                '[' * 5000,
                text[: len(text) // 2],
                '{"a": 1e400}',
                '{"a": NaN}',
                '9' * 10000,
                '"\\ud800"',
                '[' * 50 + ']' * 50,
            ]
        )
    path = os.path.join(places['tmp'], 'wrong.json')
    with open(path, 'w', encoding='utf-8') as stream:
        stream.write(text)
    module, words = draw.choice(
        [
            ('tools.count_cost', [path]),
            ('tools.plot_blocks', [path, '-o', '{tmp}/x.svg']),
            ('train.retrain', ['--run', '{tmp}/new', '--architecture', path, '--preset', 'smoke']),
        ]
    )
    return module, filled(words, places), ('wrong.json', 'space', 'data.image_size', 'batch_size')


@pytest.mark.parametrize('module', sorted(set(SERVED) - {'tools.prepare_cifar10', 'tools.prepare_imagenet'}))
def test_right_words_are_accepted(module, places, capsys):
    ended, text = outcome(module, filled(SERVED[module][0], places), capsys)
    assert ended == 'accepted', text


KINDS = (flag_case, flag_case, key_case, bound_case, yaml_case, json_case)


@pytest.mark.timeout(60 + 4 * EXAMPLES)
def test_wrong_words_are_refused_in_one_line(places, capsys):
    draw = random.Random(SEED)
    counts, fallen = {'accepted': 0, 'refused': 0}, []
    for number in range(EXAMPLES or 300):
        module, words, names = KINDS[number % len(KINDS)](draw, places)
        try:
            ended, text = outcome(module, words, capsys)
            counts[ended] += 1
            named = [name for name in names if name.strip() and name.strip().split('\n')[0][:20] in text]
            assert ended == 'accepted' or named or not names[-1].strip(), (
                f'{module} {_brief(words)}: {text}: names none of {names}'
            )
        except AssertionError as error:
            fallen.append(str(error)[:900])
    with capsys.disabled():
        if EXAMPLES:
            print(f'\nseed {SEED}: {counts}, {len(fallen)} fell short')
    assert not fallen, f'seed {SEED}, {counts}, {len(fallen)} fell short:\n' + '\n'.join(fallen[:40])
    assert counts['refused'] > counts['accepted'] / 3 and counts['accepted'] > 10, counts
