"""The console command `dsonas`, and what commands say where MXNet or the package is not installed."""

import ast
import os
import pathlib
import re
import subprocess
import sys
import textwrap

import pytest

import dsonas
from dsonas import commands, installed

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOT_COMMANDS = ('bench_worker',)  # a process of bench_step and bench_shrink
SCRIPTS = sorted(
    path
    for folder in ('train', 'tools')
    for path in (ROOT / folder).glob('*.py')
    if "if __name__ == '__main__':" in path.read_text(encoding='utf-8') and path.stem not in NOT_COMMANDS
)
NEED_MXNET = (
    'fit',
    'search',
    'retrain',
    'evaluate',
    'predict',
    'export',
    'rank-edges',
    'bench-step',
    'bench-retrain',
    'bench-shrink',
    'bench-latency',
    'check-gpu',
)
NEED_NONE = [name for name in commands.COMMANDS if name not in NEED_MXNET]
STANDALONE = ('launch',)  # runs without the package
HIDDEN = """
    import importlib.machinery
    original = importlib.machinery.PathFinder.find_spec
    importlib.machinery.PathFinder.find_spec = classmethod(
        lambda cls, name, path=None, target=None: None if name == 'mxnet' else original(name, path, target))
"""  # MXNet as if it were not installed


def python(words, *folders, **environment):
    """A finished process of this Python in which `folders` come first on the path, and `dsonas` is this package."""
    path = os.pathsep.join(
        [*map(str, folders), os.path.dirname(os.path.dirname(dsonas.__file__)), os.environ.get('PYTHONPATH', '')]
    )
    return subprocess.run(
        [sys.executable, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        env=dict(os.environ, PYTHONPATH=path, OMP_NUM_THREADS='1', PYTHONIOENCODING='utf-8', **environment),
    )


def refused(done, *expected):
    """Exit status 2 and one line on stderr with all that is expected."""
    assert done.returncode == 2 and done.stdout == '', done
    assert re.fullmatch(r'error: .*\n', done.stderr), done.stderr
    assert all(text in done.stderr for text in expected), done.stderr


@pytest.fixture(scope='module')
def without_mxnet(tmp_path_factory):
    """A folder that hides MXNet from every Python that has it on its path."""
    folder = tmp_path_factory.mktemp('hidden')
    (folder / 'sitecustomize.py').write_text(textwrap.dedent(HIDDEN))
    return folder


def test_every_script_is_a_command():
    modules = {'.'.join(path.relative_to(ROOT).with_suffix('').parts) for path in SCRIPTS}
    assert modules == set(commands.COMMANDS.values())
    assert all(re.fullmatch(r'[a-z0-9]+(-[a-z0-9]+)*', name) for name in commands.COMMANDS)


def test_help_lists_every_command_with_its_summary(without_mxnet):
    done = python(['-m', 'dsonas', '--help'], without_mxnet, COLUMNS='1000')
    assert done.returncode == 0 and done.stderr == ''
    for name, module in commands.COMMANDS.items():
        docstring = ast.get_docstring(
            ast.parse((ROOT / (module.replace('.', '/') + '.py')).read_text(encoding='utf-8'))
        )
        assert re.search(rf'^  {name} +{re.escape(docstring.splitlines()[0])}$', done.stdout, re.M), name


def test_help_behind_which_nobody_reads_on():
    """As in `dsonas --help | head -1`."""
    done = subprocess.run(
        ['bash', '-c', f'"{sys.executable}" -m dsonas --help | true; exit ${{PIPESTATUS[0]}}'], stderr=subprocess.PIPE
    )
    assert done.returncode == 141 and done.stderr == b''


def test_help_imports_no_mxnet():
    done = python(
        ['-c', "import sys; from dsonas.commands import main; main(['--help']); assert 'mxnet' not in sys.modules"]
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('width', [60, 200])
def test_help_keeps_to_the_width(width):
    assert max(map(len, commands.help_text(width).splitlines())) <= max(width, 82)


def test_version(capsys):
    assert commands.main(['--version']) == 0
    assert capsys.readouterr().out == f'dsonas {dsonas.__version__}\n'


@pytest.mark.parametrize(
    'name, near', [('serch', 'search'), ('plot_blocks', 'plot-blocks'), ('--run', None), ('', None)]
)
def test_an_unknown_command(name, near, capsys):
    assert commands.main([name]) == 2
    text = capsys.readouterr().err
    assert text.startswith(f'error: {name}: no such command') and text.count('\n') == 1
    assert '--help' in text and ('did you mean' in text) == bool(near)
    assert near is None or f'did you mean {near}?' in text


def test_no_command(capsys):
    assert commands.main([]) == 2
    printed = capsys.readouterr()
    assert printed.out == '' and printed.err.startswith('usage: dsonas')


@pytest.mark.parametrize(
    'words', [['--help'], ['--no-such-flag'], ['no/such/run', '-o', 'none/x.html'], ['no/such/run']], ids=' '.join
)
def test_a_command_is_its_script(words):
    """Exit status and texts are those of the file, under the command's name."""
    command, script = python(['-m', 'dsonas', 'report', *words]), python([ROOT / 'tools' / 'report.py', *words])
    assert command.returncode == script.returncode
    for mine, its in ((command.stdout, script.stdout), (command.stderr, script.stderr)):
        assert ' '.join(mine.split()) == ' '.join(its.replace('report.py', 'dsonas report').split())


def test_a_command_passes_on_how_a_script_ends(monkeypatch):
    """The status of a script that exits by itself, and a bug with its traceback."""
    for ends, expected in (
        (SystemExit(7), SystemExit),
        (ValueError('bug'), ValueError),
        (ModuleNotFoundError(name='cv2'), ImportError),
    ):

        def run(*_, error=ends, **__):
            raise error

        monkeypatch.setattr(commands.runpy, 'run_module', run)
        with pytest.raises(expected) as info:
            commands.main(['launch'])
        assert info.value is ends


@pytest.mark.parametrize('name', NEED_MXNET)
def test_a_command_that_needs_mxnet_says_so_where_it_is_missing(name, without_mxnet):
    script = ROOT / (commands.COMMANDS[name].replace('.', '/') + '.py')
    for words in (['-m', 'dsonas', name, '--help'], [script, '--help']):
        refused(python(words, without_mxnet), 'MXNet is not installed', "pip install 'dsonas[cpu]'", "'dsonas[gpu]'")


@pytest.mark.parametrize('name', NEED_NONE)
def test_other_commands_work_without_mxnet(name, without_mxnet):
    done = python(['-m', 'dsonas', name, '--help'], without_mxnet)
    assert done.returncode == 0 and f'usage: dsonas {name}' in done.stdout, done.stderr


def test_an_import_that_needs_mxnet_names_the_extras(without_mxnet):
    code = """
import pytest
import dsonas.symbols.space
with pytest.raises(ModuleNotFoundError, match='dsonas.cpu.*dsonas.gpu') as info:
    import dsonas.symbols.supernet
assert info.value.name == 'mxnet'
with pytest.raises(ModuleNotFoundError, match='no_such_module'):
    import no_such_module
"""
    done = python(['-c', code], without_mxnet)
    assert done.returncode == 0, done.stderr


def test_nothing_is_put_in_the_way_of_imports_where_mxnet_is_there():
    assert installed._LastFinder not in sys.meta_path


@pytest.mark.parametrize(
    'line, expected',
    [
        ("raise ImportError('no libgfortran')", 'no libgfortran'),
        ("raise OSError('libcudart.so.11: cannot open')", 'LD_LIBRARY_PATH'),
        ("raise ModuleNotFoundError('no numpy', name='numpy')", 'no numpy'),
    ],
)
def test_an_mxnet_that_cannot_be_imported(line, expected, tmp_path):
    (tmp_path / 'mxnet.py').write_text(line)
    refused(python(['-m', 'dsonas', 'search'], tmp_path), 'MXNet cannot be imported', expected)


def test_both_packages_of_mxnet_are_one_too_many(tmp_path):
    for name in ('mxnet', 'mxnet_cu112'):
        folder = tmp_path / f'{name}-1.9.1.dist-info'
        folder.mkdir()
        (folder / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {name.replace("_", "-")}\nVersion: 1.9.1\n')
    for words in (['-m', 'dsonas', 'search'], [ROOT / 'train' / 'search.py']):
        refused(python(words, tmp_path), 'mxnet and mxnet-cu112 are both installed', 'pip uninstall mxnet mxnet-cu112')


@pytest.mark.parametrize('path', [path for path in SCRIPTS if path.stem not in STANDALONE], ids=lambda path: path.stem)
def test_a_script_says_how_to_install_the_package(path):
    """Run by a Python that has nothing but its standard library."""
    done = subprocess.run(
        [sys.executable, '-I', '-S', str(path), '--help'],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    assert done.returncode and done.stdout == ''
    assert re.fullmatch(r'error: dsonas is not installed: .*make install.*\n', done.stderr), done.stderr
