"""How commands end: one line and status 2 for a mistake of the user, a traceback for a bug, and what stops a run."""

import argparse
import importlib
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from dsonas.base import cli
from dsonas.base.errors import EndOfRun, UserError
from dsonas.train.runtime.stops import Stopped, TrainingError

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMANDS = sorted(
    str(path.relative_to(ROOT))
    for folder in ('train', 'tools')
    for path in (ROOT / folder).glob('*.py')
    if "if __name__ == '__main__':" in path.read_text(encoding='utf-8')
)
INTERNAL = ('tools/bench_worker.py',)  # benchmarks start it
MISTAKES = {
    'train/search.py': '--set search.gama=1',
    'train/retrain.py': '',
    'train/evaluate.py': 'no/run',
    'tools/bench_data.py': '--pipelines none',
    'tools/bench_latency.py': 'no/run --passes 0',
    'tools/bench_shrink.py': '--left 0',
    'tools/bench_retrain.py': '--budget params=0',
    'tools/bench_step.py': '--steps 0',
    'tools/count_cost.py': 'no/run',
    'tools/export.py': 'no/run --onnx x.pdf',
    'tools/launch.py': '-n 0 -- python x.py',
    'tools/make_tables.py': 'no/run -o x.docx',
    'tools/plot_blocks.py': 'no/run -o x.svg',
    'tools/plot_flops.py': 'no/run -o x.svg',
    'tools/plot_search.py': 'no/run -o x.svg',
    'tools/predict.py': 'no/run x.png',
    'tools/prepare_cifar10.py': 'out --from no/archive',
    'tools/prepare_imagenet.py': 'out',
    'tools/report.py': 'no/run -o x.html',
    'tools/run_experiment.py': 'no_experiment',
    'tools/check_gpu.py': '--only nothing',
    'tools/consensus.py': 'no/run other/run -o x.json',
    'tools/rank_edges.py': 'no/run -o x.svg',
    'train/fit.py': 'no/folder',
    'tools/compare.py': None,  # what is no run is listed as not counted
}


def command(script):
    return importlib.import_module('dsonas.' + script[:-3].replace('/', '.')).main


@pytest.mark.parametrize('script', [script for script in COMMANDS if script not in INTERNAL])
def test_a_mistake_of_the_user_is_one_line(script, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = MISTAKES[script]
    if words is None:
        pytest.skip('takes anything')
    status = cli.run(command(script), words.split())
    text = capsys.readouterr().err
    assert status == 2 and text.startswith('error: ') and text.count('\n') == 1, text
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('script', COMMANDS)
def test_a_bug_is_not_taken_for_a_mistake(script, monkeypatch):
    """Every command reads its words first: an error of the kind that broken invariants raise, raised there, gets through."""

    def broken(*_):
        raise ValueError('invariant')

    monkeypatch.setattr(argparse.ArgumentParser, 'parse_args', broken)
    monkeypatch.setattr('json.load', broken)
    with pytest.raises(ValueError, match='invariant') as info:
        cli.run(command(script), ['x'])
    assert not isinstance(info.value, UserError)


def raising(error):
    def entry(words):
        raise error

    return entry


@pytest.mark.parametrize(
    'error, status, text',
    [
        (UserError('a\n  b'), 2, 'error: a b\n'),
        (FileNotFoundError(2, 'No such file', 'x/y'), 2, 'error: x/y: No such file\n'),
        (Stopped(signal.SIGTERM, 'stopped'), 0, 'stopped\n'),
        (Stopped(signal.SIGINT, 'stopped'), 130, 'stopped\n'),
        (TrainingError('loss'), 1, 'error: loss\n'),
        (EndOfRun('gone'), 1, 'error: gone\n'),
        (KeyboardInterrupt(), 130, 'interrupted\n'),
    ],
)
def test_statuses(error, status, text, capsys):
    assert cli.run(raising(error), []) == status
    assert capsys.readouterr().err == text


@pytest.mark.parametrize(
    'error', [OSError('no file is named'), OSError(28, 'No space left'), KeyError('x'), RuntimeError('x')]
)
def test_what_names_no_file_is_a_bug(error):
    with pytest.raises(type(error)):
        cli.run(raising(error), [])


def test_the_words_and_the_status_of_a_command():
    assert cli.run(lambda words: len(words), ['a', 'b']) == 2 and cli.run(lambda words: None, []) == 0
    with pytest.raises(SystemExit) as info:
        cli.main(lambda words: 3)
    assert info.value.code == 3


@pytest.mark.parametrize(
    'path, accepted, words', [('x.pdf', ('svg',), r'\.svg'), ('no/x.svg', ('svg',), 'no folder no')]
)
def test_output_names(path, accepted, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=words):
        cli.output_kind(path, accepted)
    assert cli.output_kind('x.SVG') == 'svg'


def test_help_shows_defaults(capsys):
    parser = cli.parser('First line.\n\nMore.')
    parser.add_argument('--size', type=int, default=3, help='a size')
    parser.add_argument('--word', action='append', default=[], help='a word')
    text = parser.format_help()
    assert 'a size (default: 3)' in text and 'a word\n' in text and 'More.' not in text


def python(code, **environment):
    return subprocess.run(
        [sys.executable, '-c', code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=60,
        env=dict(os.environ, **environment),
    )


BUG = """
import sys
sys.modules['mxnet'] = None     # base does without
from dsonas.base import cli
def main(words):
    raise ValueError('invariant')
cli.main(main)
"""


def test_a_bug_shows_its_traceback_also_in_a_worker():
    for environment in ({}, {'DMLC_ROLE': 'worker'}):
        done = python(BUG, **environment)
        assert done.returncode == 1 and 'Traceback' in done.stderr and 'ValueError: invariant' in done.stderr


ENDLESS = 'while True:\n        print("x" * 1000)'
ONE_LINE = 'print("one line")\n    while True:\n        sys.stderr.write("a warning\\n")'
FOREIGN = 'print("one line")\n    raise BrokenPipeError(32, "of a process")'


def piped(body, shell):
    """What a shell gives that pipes a command. body: of its main; shell: the line, of which {} is the command."""
    code = f'import sys\nfrom dsonas.base import cli\ndef main(words):\n    {body}\ncli.main(main)'
    return subprocess.run(
        'set -o pipefail; ' + shell.format(f"'{sys.executable}' -c '{code}'"),
        shell=True,
        executable='/bin/bash',
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=60,
    )


@pytest.mark.parametrize('shell', ['{} | head -1', '{} 2>&1 | head -1', '{{ {} | true; }}'])
def test_a_reader_that_has_seen_enough_ends_a_command_as_other_tools(shell):
    done = piped(ENDLESS, shell)
    assert done.returncode == 141 and not done.stderr


def test_help_that_nobody_reads():
    done = piped('cli.parser("text").parse_args(["--help"])', '{{ sleep 1; {}; }} | true')
    assert done.returncode == 141 and not done.stderr


def test_what_is_written_to_a_file_is_there_where_nobody_reads_stderr(tmp_path):
    done = piped(ONE_LINE, '{{ {} > ' + str(tmp_path / 'out') + '; }} 2>&1 | head -1')
    assert done.returncode == 141 and (tmp_path / 'out').read_text() == 'one line\n'


def test_a_pipe_to_something_else_that_breaks_is_a_bug():
    done = piped(FOREIGN, '{}')
    assert done.returncode == 1 and 'BrokenPipeError' in done.stderr and done.stdout == 'one line\n'
