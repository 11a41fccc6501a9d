"""The operator of symbols/native/ is compiled once, wherever that is possible; where it is not, a supernet does without it and says why."""

import os
import stat
import subprocess
import sys

import mxnet as mx
import numpy as np
import pytest

from dsonas.symbols.backend import native

TRY = """
import mxnet as mx
from mxnet import autograd
from dsonas.symbols.backend import native
from dsonas.symbols.space import SearchSpace
from dsonas.symbols.supernet import Supernet
net = Supernet(SearchSpace.cifar10(channels=4, blocks=(1,)))
net.initialize(mx.init.One())
with autograd.record():
    y = net(mx.nd.ones((2, 3, 8, 8)))
y.backward()
print(native.blocks(), native.missing(), net.gates[0].grad().shape)
"""
HERE = native.missing()
compiled = pytest.mark.skipif(HERE is not None, reason=f'the operator is not there: {HERE}')


def tried(**environment):
    """What a process of its own says of the operator."""
    given = {name: value for name, value in environment.items() if value is not None}
    kept = {name: value for name, value in os.environ.items() if name not in environment}
    return subprocess.Popen(
        [sys.executable, '-c', TRY], env={**kept, **given}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def said(process):
    text = process.communicate(timeout=300)[0]
    assert process.returncode == 0, text
    return text.strip().split('\n')[-1]


def libraries(folder):
    return [name for name in os.listdir(folder) if name.endswith('.so')]


@compiled
def test_two_processes_compile_at_once_and_a_third_finds_it(tmp_path):
    first = [tried(DSONAS_NATIVE=str(tmp_path / 'new')) for _ in range(2)]
    assert [said(process) for process in first] == ['compiled None (124,)'] * 2
    assert len(libraries(tmp_path / 'new')) == len(os.listdir(tmp_path / 'new')) == 1
    found = said(tried(DSONAS_NATIVE=str(tmp_path / 'new'), CXX=None, PATH=os.environ['PATH']))
    assert found == 'compiled None (124,)'


@compiled
def test_the_cache_folder_is_its_place(tmp_path):
    assert said(tried(DSONAS_NATIVE=None, DSONAS_CACHE=str(tmp_path))) == 'compiled None (124,)'
    assert len(libraries(tmp_path)) == 1


@compiled
@pytest.mark.parametrize('content', [b'', b'nonsense', None], ids=['empty', 'nonsense', 'cut'])
def test_a_damaged_library_is_compiled_again(tmp_path, content):
    assert said(tried(DSONAS_NATIVE=str(tmp_path))).startswith('compiled')
    (name,) = libraries(tmp_path)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 3] if content is None else content)
    assert said(tried(DSONAS_NATIVE=str(tmp_path))).startswith('compiled None')
    assert len((tmp_path / name).read_bytes()) == len(whole)


def script(folder, text):
    path = folder / 'compiler'
    path.write_text(f'#!/bin/sh\n{text}\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_without_it_mxnets_operators_compute(tmp_path):
    broken = script(tmp_path, 'echo "operator.cc:3: error: no such thing" >&2; exit 1')
    (tmp_path / 'file').write_text('')
    cases = {
        'DSONAS_NATIVE=0': dict(DSONAS_NATIVE='0'),
        'CXX=no-such-compiler: there is no such compiler': dict(DSONAS_NATIVE=str(tmp_path), CXX='no-such-compiler'),
        f'{broken}: operator.cc:3: error: no such thing': dict(DSONAS_NATIVE=str(tmp_path), CXX=broken),
        'no compiler: none of g++, c++': dict(DSONAS_NATIVE=str(tmp_path), CXX=None, PATH=str(tmp_path)),
        'Not a directory': dict(DSONAS_NATIVE=str(tmp_path / 'file' / 'in'), CXX=None),
    }
    started = {reason: tried(**environment) for reason, environment in cases.items()}
    for reason, process in started.items():
        answer = said(process)
        assert answer.startswith('operators') and reason in answer and answer.endswith('(124,)')
    assert not libraries(tmp_path)


def test_a_library_that_is_none_of_ours_is_refused(tmp_path):
    silent = script(tmp_path, 'for word in "$@"; do last="$word"; done; echo nonsense > "$last"')
    answer = said(tried(DSONAS_NATIVE=str(tmp_path), CXX=silent))
    assert answer.startswith('operators') and answer.endswith('(124,)')


@compiled
@pytest.mark.parametrize(
    'plan',
    [
        '',
        'separable 3 1 1 0:-1',
        'median 3 1 1 0:-1|1:0|identity',
        'max 4 1 1 0:-1|1:0|identity',
        'max 3 1 1 0:-1|1:0|none',
    ],
)
def test_a_plan_that_cannot_be_computed_is_refused(plan):
    arrays = [mx.nd.ones((2, 4, 8, 8)), *(mx.nd.ones((4,)) for _ in range(12))]
    with pytest.raises(mx.base.MXNetError):
        mx.nd.dsonas_block(*arrays, plan=plan, eps=1e-5, momentum=0.9, wanted='all').asnumpy()


@compiled
def test_the_interface_lies_beside_mxnet():
    assert all(os.path.isfile(path) for path in native.interface())
    assert np.isfinite(mx.nd.ones((1,)).asscalar())
