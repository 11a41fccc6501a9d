"""What is told of the machine, also where the system tells nothing."""

import builtins
import json
import os
import platform

import numpy
import pytest

from dsonas.base import machine


@pytest.mark.parametrize(
    'value, expected', [('3', 3), ('4,2', 4), (' 2 ', 2), ('', 7), ('many', 7), ('0', 7), ('-1', 7)]
)
def test_threads(value, expected, monkeypatch):
    monkeypatch.setenv('OMP_NUM_THREADS', value)
    monkeypatch.setattr(os, 'cpu_count', lambda: 7)
    assert machine.threads() == expected and machine.omp_num_threads() == value
    assert machine.threads(default=5) == (5 if expected == 7 else expected)


def test_a_system_that_tells_nothing(monkeypatch):
    def closed(*_, **__):
        raise FileNotFoundError(2, 'No such file')

    monkeypatch.setattr(builtins, 'open', closed)
    monkeypatch.setattr(os, 'cpu_count', lambda: None)
    monkeypatch.setattr(platform, 'processor', lambda: 'x')
    monkeypatch.delattr(os, 'getloadavg', raising=False)
    assert (machine.processor(), machine.cores(), machine.memory_gb(), machine.load()) == ('x', 1, None, None)


def test_what_is_told(monkeypatch):
    assert machine.versions('numpy', 'no_such_module') == {
        'python': platform.python_version(),
        'numpy': numpy.__version__,
    }
    found = machine.describe()
    assert json.loads(json.dumps(found)) == found and set(found) == {'processor', 'cores', 'memory_gb', 'system'}
    assert found['memory_gb'] is None or found['memory_gb'] > 0.1


def test_a_line_of_proc(tmp_path, monkeypatch):
    (tmp_path / 'info').write_text('MemTotal:       2000000 kB\nmodel name\t: Some: CPU\n')
    first, path = machine._first, str(tmp_path / 'info')
    monkeypatch.setattr(machine, '_first', lambda _, field: first(path, field))
    assert machine.memory_gb() == 2.0 and machine.processor() == 'Some: CPU'


@pytest.mark.parametrize(
    'flags, multiple',
    [('fpu sse4_2 avx2 avx512f avx512bw', 16), ('fpu avx avx2', 8), ('fpu avx', 1), ('avx512_vnni avx2x', 1), ('', 1)],
)
def test_channels_side_by_side(flags, multiple, monkeypatch):
    """From the processor's own list of instructions: whole words of it, and 1 where it tells nothing."""
    monkeypatch.setattr(machine, '_first', lambda path, field: flags if field == 'flags' else '')
    assert machine.width_multiple() == multiple


def test_free_memory_counts_files_in_memory_as_free(tmp_path, monkeypatch):
    """A container's control group counts files that were read as taken, though they give way."""
    files = {'max': '1000000', 'current': '900000', 'stat': 'anon 100\ninactive_file 700000\nactive_file 5\n'}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    paths = tuple(str(tmp_path / name) for name in files)
    monkeypatch.setattr(machine, 'CONTROL_GROUPS', ((*paths, 'inactive_file'),))
    assert machine.free_memory() == 800000
    (tmp_path / 'stat').write_text('')
    assert machine.free_memory() == 100000
    (tmp_path / 'max').write_text('max\n')
    assert machine.free_memory() is None or machine.free_memory() > 1000000
