"""The documents say what is true: their Python runs and does what they say, and what they name is there."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from dsonas.base import plugins
from dsonas.data import registry
from dsonas.optim import sparsity
from dsonas.runfiles.log import read_log
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.cost import cost
from dsonas.symbols.network import Network
from dsonas.symbols.operations import OPERATIONS
from dsonas.train.config import settings
from dsonas.train.config.tree import leaves
from dsonas.train.deriving import retraining
from dsonas.train.engine.callbacks import CALLBACKS

from .documents import DOCUMENTS, MANUAL, ROOT, blocks, check_command, links, python_blocks, shell_lines, spans
from .symbols.graph_costs import counted

OPERATION, BUDGET, DATASET = (
    "'dil_conv_3x3'",
    'sparsity.POLICIES.register(',
    '@registry.register(',
)  # what tells these examples
CALLBACK = '@CALLBACKS.register('
README = ROOT / 'README.md'
README_WORDS = 1200
FOLDERS = ('base', 'symbols', 'optim', 'data', 'runfiles', 'train', 'tools', 'experiments', 'examples', 'tests', 'docs')
TINY = [
    'data.name=digits',
    'data.limit=120',
    'data.image_size=16',
    'space.channels=4',
    'space.blocks=1,1',
    'space.levels=2',
    'pretrain.epochs=1',
    'pretrain.batch_size=30',
    'search.epochs=1',
    'search.batch_size=20',
    'search.gamma=0.2',
    'search.prune_every=1',
    'retrain.epochs=1',
    'retrain.batch_size=30',
    'retrain.budget=none',
    'retrain.channels=4',
    'train.test_batch=500',
    'train.cpus=1',
    'train.tensorboard=false',
]


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A folder to run in, whatever preset an example names being this small; registries are put back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('DSONAS_CACHE', str(tmp_path / 'cache'))
    original = settings.resolve

    def resolve(preset=None, config=None, assignments=(), flags=None, start=None):
        bounded = 'retrain.budget' in (flags or {})  # by the example itself
        small = [words for words in TINY if not (bounded and words.startswith(('retrain.budget', 'retrain.channels')))]
        return original(preset, config, small + list(assignments), flags, start)

    monkeypatch.setattr(settings, 'resolve', resolve)
    with OPERATIONS.restored(), sparsity.POLICIES.restored(), registry.DATASETS.restored():
        yield tmp_path


def run(block):
    """Names that a block leaves, run by itself."""
    names = {'__name__': 'example'}
    exec(compile(block.text, block.name, 'exec'), names)
    return names


def block_with(word):
    return next(block for block in python_blocks() if word in block.text)


def test_blocks_are_found():
    assert len(python_blocks(MANUAL)) >= 2 and len(python_blocks([ROOT / 'docs' / 'architecture.md'])) >= 3
    assert len(shell_lines([README])) >= 10 and len(shell_lines(MANUAL)) > 40
    for document in DOCUMENTS:
        assert {block.language for block in blocks(document)} <= {'', 'python', 'bash', 'text'}, document.name


def own_test(block):
    whole = block.document.name == 'python.md'  # of one process, see test_python_docs.py
    return whole or block.path or OPERATION in block.text or BUDGET in block.text


@pytest.mark.parametrize(
    'block', [block for block in python_blocks() if not own_test(block)], ids=lambda block: block.name
)
def test_python_runs(block, tiny):
    run(block)


def test_an_operation_is_searched_with_and_costs_what_the_network_has(tiny):
    names = run(block_with(OPERATION))
    architecture = Architecture.load(str(tiny / 'runs' / 'dilated' / 'architecture.json'))
    assert 'dil_conv_3x3' in architecture.space.operations
    history = np.load(str(tiny / 'runs' / 'dilated' / 'lambda.npz'))
    touching = ['dil_conv_3x3' in name for name in history['names']]
    assert any(touching) and (history['values'][-1] != history['values'][0])[touching].all()
    for candidate in (
        architecture,
        Architecture.full(architecture.space),
        Architecture.random(architecture.space, seed=2, keep=0.4),
    ):
        net = Network(candidate, 6, kernels_kind='plain')
        net.initialize()
        found = cost(candidate, 6, 16)
        assert (found.params, found.flops, found.mac) == counted(net, 16)
    assert names['architecture'] == architecture


def test_a_budget_gives_each_gate_its_gamma(tiny):
    names = run(block_with(BUDGET))
    space, gammas = names['space'], names['gammas']
    flops = {
        name: OPERATIONS[name].cost(8, 32, 32).flops + OPERATIONS[name].cost(16, 16, 16).flops
        for name in space.operations
    }
    one_input_of_r = (8 * 32) ** 2 + (16 * 16) ** 2
    assert len(gammas) == len(space.gate_names())
    for edge, gamma in zip(space.block_edges(), gammas[0]):
        level, index = edge.target
        entered = flops[space.operations[index]] if level <= space.levels else one_input_of_r
        expected = 0.01 * (entered / max(flops.values())) ** 0.5
        assert gamma == pytest.approx(expected, rel=1e-5), edge


def test_a_data_set_is_one_file(tmp_path):
    """The example as a plugin, as a person would use it, and searched on from the command line."""
    block = block_with(DATASET)
    (tmp_path / block.path).write_text(block.text, encoding='utf-8')
    name = re.search(r"@registry.register\('(\w+)'", block.text).group(1)
    assert name not in registry.DATASETS
    generator = np.random.RandomState(0)
    images = generator.randint(0, 255, (80, 3, 16, 16)).astype(np.uint8)
    arrays = {
        'train_images': images[:60],
        'train_labels': np.arange(60) % 2,
        'test_images': images[60:],
        'test_labels': np.arange(20) % 2,
        'classes': np.array(['odd', 'even']),
    }
    np.savez(str(tmp_path / 'arrays.npz'), **arrays)

    def python(*words):
        return subprocess.run(
            [sys.executable] + list(words),
            cwd=str(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
            env=dict(os.environ, OMP_NUM_THREADS='1'),
        )

    done = python(
        '-c',
        """
import numpy as np
from dsonas.base import plugins
from dsonas.data.registry import load
plugins.load([%r])
data = load(%r, dir='.', seed=3, limit=40)
assert data.sizes == {'train': 40, 'weights': 20, 'gates': 20, 'test': 20} and data.classes == ('odd', 'even'), data.sizes
assert not set(data.indices('weights')) & set(data.indices('gates'))
once, again, other = (list(data.batches('weights', 8, epoch=epoch)) for epoch in (0, 0, 1))
assert all((a[0] == b[0]).all() and (a[1] == b[1]).all() for a, b in zip(once, again)) and (once[0][0] != other[0][0]).any()
assert (list(data.batches('weights', 8, epoch=0, skip=1))[0][0] == once[1][0]).all()
plain = np.load('arrays.npz')['test_images'] / 255.0
x, y = next(iter(data.batches('test', 20, train=False)))
np.testing.assert_allclose(x, (plain - np.reshape(data.mean, (3, 1, 1))) / np.reshape(data.std, (3, 1, 1)), atol=1e-4)
"""
        % (block.path, name),
    )
    assert done.returncode == 0, done.stdout
    search = [word for name in TINY if not name.startswith('data.') for word in ('--set', name)]
    words = [
        str(ROOT / 'train' / 'search.py'),
        '--plugin',
        block.path,
        '--dataset',
        name,
        '--data-dir',
        str(tmp_path),
        *search,
        '--run',
    ]
    done = python(*words, 'out')
    assert done.returncode == 0 and (tmp_path / 'out' / 'architecture.json').exists(), done.stdout
    done = python(
        '-c',
        """
import os
from dsonas.base import plugins
from dsonas.data.place import NotFound
from dsonas.data.registry import load
os.environ['MXNET_HOME'] = os.path.abspath('home')
plugins.load([%r])
try:
    load(%r)
except NotFound as error:
    assert 'home/datasets/%s' in str(error) and 'arrays.npz with train_images' in str(error), error
os.makedirs('home/datasets')
os.symlink(os.path.abspath('.'), 'home/datasets/%s')
assert load(%r).sizes['train'] == 60
"""
        % (block.path, name, name, name, name),
    )
    assert done.returncode == 0, done.stdout
    np.savez(str(tmp_path / 'arrays.npz'), train_images=arrays['train_images'])
    done = python(*words, 'bad')
    assert done.returncode == 2 and 'arrays.npz: lacks train_labels' in done.stdout, done.stdout


def test_a_callback_ends_a_retraining(tiny):
    """The example as a plugin: with a learning rate of 0 the test error falls no more after the first epochs."""
    block = block_with(CALLBACK)
    (tiny / block.path).write_text(block.text, encoding='utf-8')
    with CALLBACKS.restored():
        plugins.load([str(tiny / block.path)])
        slow = {
            'run': 'run',
            'callbacks': ('patience',),
            'retrain.lr': 0.0,
            'retrain.epochs': 9,
            'retrain.drop_path': 0.0,
        }
        config = settings.build(dict(settings.flatten(settings.resolve('smoke')), **slow))
        summary = retraining.retrain(config, retraining.full())
    rows = read_log(str(tiny / 'run' / 'log.csv'))
    waited = [int(row['waited']) for row in rows]
    assert 4 <= summary['epochs'] == len(rows) < 9 and waited[-4:] == [0, 1, 2, 3], waited


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda document: document.name)
def test_words_in_backticks_are_there(document):
    """Commands, paths of files, settings (search.gamma) and assignments (--set key=value) that the text names."""
    introduced = ''.join(
        block.text for block in python_blocks([document])
    )  # a budget or a data set that an example adds
    keys, groups = {name for name, _ in leaves()}, {name.split('.')[0] for name, _ in leaves() if '.' in name}
    for span in spans(document):
        first = span.split()[0]
        if first in ('python', 'make', 'bash') and len(span.split()) > 1:
            added = re.search(r'--dataset (\w+)', span)
            check_command(
                span.replace(added.group(), '--dataset folder')
                if added and "'%s'" % added.group(1) in introduced
                else span
            )
        for path in re.findall(r'(?:^|\s)((?:%s)/[\w/]+\.(?:py|sh|yaml))' % '|'.join(FOLDERS), span):
            assert (ROOT / path).exists(), '%s: no such file' % path
        for key, value in re.findall(r'--set ([^\sA-Z]\S*?)=(\S+)', span):
            assert key in keys, '%s: no such key' % key
            if "'%s'" % value not in introduced:
                settings.parse_set('%s=%s' % (key, value))
        if re.match(r'^\w+\.(?!py|png|json)\w+$', span) and span.split('.')[0] in groups:
            assert span in keys or span in settings.RENAMED, '%s: no such key' % span


def test_the_readme_is_read_in_minutes():
    """Its words, those of commands and tables among them."""
    assert len(README.read_text(encoding='utf-8').split()) <= README_WORDS


def test_the_readme_leads_to_every_page():
    pages = {path.name for path in (ROOT / 'docs').glob('*.md')}
    assert {target[len('docs/') :].partition('#')[0] for target in links(README) if target.startswith('docs/')} >= pages


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda document: document.name)
def test_pictures_are_there(document):
    text = document.read_text(encoding='utf-8')
    for target in re.findall(r'<img[^>]* src="([^"]+)"|!\[[^\]]*\]\(([^)\s]+)\)', text):
        path = next(filter(None, target))
        assert (document.parent / path).is_file(), f'{path}: no such picture'


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda document: document.name)
def test_links_lead_somewhere(document):
    for target in links(document):
        if not re.match(r'[a-z]+:', target):
            path, _, anchor = target.partition('#')
            found = (document.parent / path).resolve() if path else document
            assert found.exists(), target
            if anchor:
                heads = re.findall(r'^#+ (.*)$', found.read_text(encoding='utf-8'), re.M)
                assert anchor in [re.sub(r'[^\w\- ]', '', head.lower()).replace(' ', '-') for head in heads], target


def test_workarounds_lie_where_the_docs_say():
    """Files, names and tests of docs/mxnet.md exist."""
    rows = [
        line.strip('| ').split(' | ')
        for line in (ROOT / 'docs' / 'mxnet.md').read_text().splitlines()
        if line.startswith('| ')
    ][2:]
    assert len(rows) > 15
    for _, workaround, test in rows:
        places = [ROOT / path for path in re.findall(r'`([a-z_/]+\.py)`', workaround)]
        assert all(path.exists() for path in places), workaround
        for path, name in re.findall(r'`([a-z_/]+\.py)(?:::(\w+))?`', test):
            assert f'def {name}' in (ROOT / path).read_text(), test
