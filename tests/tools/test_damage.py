"""Whatever happens to a file of a run: no traceback, no hang, and what is lost is named by every tool that would have used it.

DSONAS_EXAMPLES=3000 draws that many damaged files, other ones each time.
"""

import collections
import os
import pathlib
import shutil
import signal
import time
import warnings

import numpy as np
import pytest
from PIL import Image

from dsonas.base import cli
from dsonas.base.errors import UserError
from dsonas.runfiles import checksums, directory
from dsonas.runfiles.arrays import archive
from dsonas.runfiles.checkpoint import Checkpoints
from dsonas.runfiles.environment import last_environment
from dsonas.runfiles.gates import GateHistory, read_gates
from dsonas.runfiles.log import Log
from dsonas.tools import compare, count_cost, make_tables, plot_blocks, plot_flops, plot_search, predict, report
from dsonas.train.runtime.run import stored_config

from .damage import damage

EXAMPLES = int(os.environ.get('DSONAS_EXAMPLES', '0'))
LONGEST_SECONDS = 10
OLD = pathlib.Path(__file__).resolve().parent.parent / 'old_runs' / '0.1.0' / 'finished'
SEALED = (
    'config.yaml',
    'environment.json',
    'log.csv',
    'architecture.json',
    'network.json',
    'summary.json',
    'lambda.npz',
)


def resume(words):
    """Read what a resumed run reads."""
    run = directory.RunDirectory(words[0])
    stored_config(run.config)
    last_environment(run.environment)
    Log(run.log)
    GateHistory(run.gates, list(read_gates(str(OLD / 'lambda.npz')).names)).resume(9)
    newest = Checkpoints(run.checkpoints).newest(lambda line: cli.tell(line, ''))
    print(newest and (newest.stage, newest.epoch))


# name: (command, its words behind the run, the file that it writes, files that it uses)
ALL = SEALED
TOOLS = {
    'report': (report.main, ['-o', 'out.html'], 'out.html', (*ALL, 'predictions.npz')),
    'plot_search': (plot_search.main, ['-o', 'out.svg'], 'out.svg', ('log.csv', 'lambda.npz', 'config.yaml')),
    'plot_flops': (plot_flops.main, ['-o', 'out.svg'], 'out.svg', ('architecture.json', 'config.yaml', 'summary.json')),
    'against': (plot_flops.main, ['--against', 'params', '-o', 'out.svg'], 'out.svg', ('summary.json', 'config.yaml', 'log.csv')),
    'plot_blocks': (plot_blocks.main, ['-o', 'out.dot'], 'out.dot', ('architecture.json', 'lambda.npz', 'config.yaml')),
    'tables': (make_tables.main, [], None, ALL),
    'compare': (compare.main, [], None, ALL),
    'count_cost': (count_cost.main, [], None, ('architecture.json', 'config.yaml', 'summary.json')),
    'predict': (predict.main, ['image.png'], None, ('network.json', 'network.params', 'config.yaml')),
    'resume': (resume, [], None, ('config.yaml', 'environment.json', 'log.csv', 'lambda.npz', 'checkpoint')),
}  # fmt: skip
HEAVY = ('report', 'plot_search', 'plot_flops', 'against', 'predict')


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """A finished run of an old version, its text files with checksums; a copy of it is damaged each time."""
    folder = tmp_path_factory.mktemp('whole') / 'run'
    shutil.copytree(str(OLD), str(folder), ignore=shutil.ignore_patterns('retrain-random-*'))
    for name in SEALED:
        checksums.write_bytes(str(folder / name), (OLD / name).read_bytes())
    with np.load(str(folder / 'predictions.npz')) as stored:
        arrays = {name: array[:4] if name.startswith('worst') else array for name, array in stored.items()}
    checksums.write_bytes(str(folder / 'predictions.npz'), archive(**arrays))
    return folder


class Hang(Exception):
    """A tool took more than LONGEST_SECONDS of a processor."""


def hang(*_):
    raise Hang


def used(tool, capsys, folder):
    """(exit status, what was printed and written, stderr) of a tool on the run in `folder`/run; exceptions come through."""
    command, words, target, _ = TOOLS[tool]
    before = signal.signal(signal.SIGPROF, hang)
    signal.setitimer(signal.ITIMER_PROF, LONGEST_SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            status = cli.run(command, ['run', *words])
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    out, err = capsys.readouterr()
    if target and os.path.exists(target):
        out += (folder / target).read_text(encoding='utf-8')
        os.remove(target)
    return status, out, err


def problem(tool, name, outcome, expected):
    """What is wrong with how a tool dealt with a damaged file, '' where nothing is."""
    status, out, err = outcome
    base = os.path.basename(name)
    if status not in (0, 1, 2):
        return f'exit status {status}'
    if any(len(line) >= 300 or not line.isprintable() for line in err.splitlines()):
        return 'a long or unprintable line'
    if status == 2 and (not err.splitlines()[-1].startswith('error: ') or 'run' not in err):
        return 'an error without a name'
    if base not in err and base not in out and 'network.json' not in err and (status, out) != expected:
        return 'silent'
    return ''


def test_damaged_files(whole, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.random.RandomState(0).randint(0, 255, (32, 32, 3)).astype(np.uint8)).save('image.png')
    seed = int(time.time()) if EXAMPLES else 0
    expected = {}
    shutil.copytree(str(whole), 'run')
    for tool in TOOLS:
        expected[tool] = used(tool, capsys, tmp_path)[:2]
        assert expected[tool][0] == 0 and used(tool, capsys, tmp_path) == (*expected[tool], ''), tool
    names = [*ALL, 'log.csv', 'network.params', 'predictions.npz', 'checksums.json']
    names += [f'checkpoints/{name}' for name in os.listdir(os.path.join('run', 'checkpoints'))]
    counts, problems = collections.Counter(), []
    for number in range(EXAMPLES or 120):
        generator = np.random.RandomState((seed + number) % 2**32)
        shutil.rmtree('run')
        shutil.copytree(str(whole), 'run')
        name = names[generator.randint(len(names))]
        done = damage('run', name, generator)
        key = 'checkpoint' if name.startswith('checkpoints') else os.path.basename(name)
        tools = [tool for tool in TOOLS if key in TOOLS[tool][3]] or ['tables']
        light = [tool for tool in tools if tool not in HEAVY]
        chosen = light if light and generator.rand() < 0.7 else tools
        for tool in {chosen[generator.randint(len(chosen))] for _ in range(2)}:
            try:
                outcome = used(tool, capsys, tmp_path)
                wrong = problem(tool, name, outcome, expected[tool])
                if name.startswith('checkpoints') and 'remove' in done and wrong == 'silent':
                    wrong = ''  # an older one is used, which a resumed run names
                counts['wrong' if wrong else {0: 'named or unchanged', 1: 'named', 2: 'refused'}[outcome[0]]] += 1
            except Exception as error:
                capsys.readouterr()
                assert not isinstance(error, UserError)
                wrong, outcome = f'{type(error).__name__}: {error}', ()
                counts['hang' if isinstance(error, Hang) else 'traceback'] += 1
            if wrong:
                problems.append(f'seed {seed + number}, {tool}, {done}: {wrong[:150]} {str(outcome[2:])[:200]}')
    with capsys.disabled():
        if EXAMPLES:
            print('\n'.join(['', *problems, str(dict(counts))]))
    assert not problems, '\n'.join(problems)
