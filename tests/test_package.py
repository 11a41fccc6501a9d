"""What is installed: modules, data files and metadata, as setup.py and pyproject.toml give them."""

import ast
import email
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

import dsonas

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOT_INSTALLED = ('tests/', 'docs/', 'examples/')  # and what begins with a dot
ROOT_FILES = ('__init__.py', '__main__.py', 'commands.py', 'installed.py', 'py.typed')
IGNORED = ('__pycache__', '*.pyc', '*.egg-info', '.*', 'build', 'dist', 'runs')


def package_files():
    """Paths, from the root, of all that belongs to the package: whatever its folders hold for git to know, and ROOT_FILES."""
    listed = subprocess.run(
        ['git', 'ls-files', '--cached', '--others', '--exclude-standard'],
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        universal_newlines=True,
    )
    if listed.returncode:
        pytest.skip('needs a git checkout')
    inside = {
        name for name in listed.stdout.splitlines() if re.match(r'(?!%s)\w[^/]*/' % '|'.join(NOT_INSTALLED), name)
    }
    return {name for name in inside if (ROOT / name).exists()} | set(ROOT_FILES)


def setup(folder, *words):
    """Run setup.py in `folder`; returns what it printed on stdout. AssertionError with all that it printed where it fails."""
    done = subprocess.run(
        [sys.executable, 'setup.py', '-q', *map(str, words)],
        cwd=str(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """A wheel built from a copy of the source tree, opened."""
    folder = tmp_path_factory.mktemp('source')
    shutil.copytree(str(ROOT), str(folder / 'any-name'), ignore=shutil.ignore_patterns(*IGNORED))
    setup(folder / 'any-name', 'bdist_wheel', '--dist-dir', folder)
    with zipfile.ZipFile(str(next(folder.glob('*.whl')))) as archive:
        yield archive


def test_a_wheel_holds_the_package_and_nothing_else(wheel):
    installed = {name[len('dsonas/') :] for name in wheel.namelist() if name.startswith('dsonas/')}
    assert installed == package_files()
    assert {name.split('/')[0] for name in wheel.namelist()} == {'dsonas', f'dsonas-{dsonas.__version__}.dist-info'}


def test_every_folder_of_modules_is_a_package():
    """A folder without an __init__.py would be left out in silence."""
    folders = {(ROOT / path).parent for path in package_files() if path.endswith('.py')}
    assert not [str(folder) for folder in folders if not (folder / '__init__.py').exists()]


def test_metadata(wheel):
    folder = f'dsonas-{dsonas.__version__}.dist-info'
    metadata = email.message_from_string(wheel.read(f'{folder}/METADATA').decode('utf-8'))
    assert metadata['Name'] == 'dsonas' and metadata['Version'] == dsonas.__version__
    assert metadata['Requires-Python'].replace(' ', '') in ('>=3.8,<3.12', '<3.12,>=3.8')
    assert set(metadata.get_all('Provides-Extra')) >= {'cpu', 'gpu', 'onnx', 'test', 'docs', 'dev'}
    wanted = [re.sub(r'[ "\']', '', line) for line in metadata.get_all('Requires-Dist')]
    assert 'mxnet==1.9.1;extra==cpu' in wanted and 'mxnet-cu112==1.9.1;extra==gpu' in wanted
    assert not [line for line in wanted if line.startswith('mxnet') and 'extra' not in line]
    assert metadata.get_payload().startswith('# dsonas')
    assert 'dsonas = dsonas.commands:main' in wheel.read(f'{folder}/entry_points.txt').decode('utf-8')


def test_the_version_stands_in_one_place():
    """And is that of the newest heading of CHANGELOG.md, or of what comes after it."""
    assert setup(ROOT, '--version').strip() == dsonas.__version__
    version = ast.literal_eval(re.search(r'^__version__ = (\S+)', (ROOT / '__init__.py').read_text(), re.M).group(1))
    assert version == dsonas.__version__
    for name in ('setup.py', 'pyproject.toml'):
        assert version not in (ROOT / name).read_text(), name
    newest = re.search(r'^## (\S+)', (ROOT / 'CHANGELOG.md').read_text(), re.M).group(1)
    assert newest == ('Unreleased' if '.dev' in version else version)


@pytest.mark.parametrize('version', ['3.7', '3.12'])
def test_another_python_is_refused_in_one_line(version):
    code = f'import runpy, sys; sys.version_info = {tuple(map(int, version.split(".")))}; runpy.run_path("setup.py", run_name="__main__")'
    done = subprocess.run(
        [sys.executable, '-c', code],
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    assert done.returncode == 1 and done.stdout == ''
    assert done.stderr.startswith('dsonas needs Python 3.8 to 3.11') and done.stderr.endswith(
        f'this is Python {version}\n'
    )
