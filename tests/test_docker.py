"""Dockerfile and .dockerignore: what they name is there, and nothing that is installed is left out. The image is not built here."""

import fnmatch
import re
import subprocess

import pytest

from dsonas import commands

from .documents import ROOT
from .test_package import package_files

DOCKERFILE = (ROOT / 'Dockerfile').read_text(encoding='utf-8')
IGNORED = [line for line in (ROOT / '.dockerignore').read_text(encoding='utf-8').splitlines() if line]
NEEDED = {'pyproject.toml', 'setup.py', 'README.md', 'LICENSE'}


def ignored(path):
    """Whether .dockerignore leaves a path of the repository out: it, or a folder above it."""
    parts = path.split('/')
    above = ['/'.join(parts[: count + 1]) for count in range(len(parts))]
    anywhere = [pattern[len('**/') :] for pattern in IGNORED if pattern.startswith('**/')]
    return any(fnmatch.fnmatchcase(name, pattern) for name in above for pattern in IGNORED) or any(
        fnmatch.fnmatchcase(name, pattern) for name in parts for pattern in anywhere
    )


def test_what_is_installed_is_copied():
    left_out = [path for path in sorted(package_files() | NEEDED) if ignored(path)]
    assert not left_out


OF_ONE_MACHINE = ('.git/config', 'runs/mine/log.csv', 'train/__pycache__/search.cpython-310.pyc', '.venv/bin/python')


@pytest.mark.parametrize('path', OF_ONE_MACHINE)
def test_what_is_of_one_machine_is_not(path):
    assert ignored(path)


def test_extras_are_those_of_the_package():
    project = (ROOT / 'pyproject.toml').read_text(encoding='utf-8')
    (default,) = re.findall(r'^ARG EXTRA=(\w+)$', DOCKERFILE, re.M)
    (extras,) = re.findall(r'dsonas\[\$\{EXTRA\},(\w+)\]', DOCKERFILE)
    for extra in (default, 'gpu', extras):
        assert re.search(rf'^{extra} = \[', project, re.M), extra


def test_the_same_onnxruntime_as_make_install():
    pin = re.search(r'onnxruntime==[\d.]+', (ROOT / 'Makefile').read_text(encoding='utf-8')).group()
    assert pin in DOCKERFILE


def test_its_python_is_one_that_the_package_takes():
    version = re.search(r'^ARG BASE=python:3\.(\d+)-', DOCKERFILE, re.M).group(1)
    assert 8 <= int(version) <= 11


def test_every_step_is_shell():
    steps = re.findall(r'^RUN (.*)$', DOCKERFILE.replace('\\\n', ' '), re.M)
    assert len(steps) >= 4
    for step in steps:
        assert subprocess.run(['bash', '-n', '-c', step]).returncode == 0, step
        assert '|| true' not in step, 'a step that fails ends the build'


def test_its_command_is_the_console_command():
    assert 'ENTRYPOINT ["dsonas"]' in DOCKERFILE
    text = (ROOT / 'docs' / 'docker.md').read_text(encoding='utf-8')
    used = set(re.findall(r'docker run .*? dsonas(?::gpu)? ([\w-]+)', text)) - {'bash'}
    assert used and used <= set(commands.COMMANDS)
