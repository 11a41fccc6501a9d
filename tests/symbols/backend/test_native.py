"""The operator of symbols/native/ is compiled once, wherever that is possible; where it is not, a supernet does without it and says why."""

import os
import stat
import subprocess
import sys
import time

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
def test_the_cache_folder_is_its_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said(tried(DSONAS_NATIVE=None, DSONAS_CACHE='cache')) == 'compiled None (124,)'
    assert len(libraries(tmp_path / 'cache')) == 1


@compiled
@pytest.mark.parametrize('content', [b'', b'nonsense', None], ids=['empty', 'nonsense', 'cut'])
def test_a_damaged_library_is_compiled_again(tmp_path, content):
    assert said(tried(DSONAS_NATIVE=str(tmp_path))).startswith('compiled')
    (name,) = libraries(tmp_path)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 3] if content is None else content)
    assert said(tried(DSONAS_NATIVE=str(tmp_path))).startswith('compiled None')
    assert len((tmp_path / name).read_bytes()) == len(whole)


def script(folder, text, name='compiler'):
    path = folder / name
    path.write_text(f'#!/bin/sh\n{text}\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_without_it_mxnets_operators_compute(tmp_path):
    broken = script(tmp_path, 'echo "operator.cc:3: error: no such thing" >&2; exit 1')
    killed = script(tmp_path, 'kill -9 $$', 'killed')
    (tmp_path / 'file').write_text('')
    cases = {
        'DSONAS_NATIVE=0': dict(DSONAS_NATIVE='0'),
        'CXX=no-such-compiler: there is no such compiler': dict(DSONAS_NATIVE=str(tmp_path), CXX='no-such-compiler'),
        f'{broken}: operator.cc:3: error: no such thing': dict(DSONAS_NATIVE=str(tmp_path), CXX=broken),
        f'{broken}: operator.cc:3': dict(DSONAS_NATIVE=str(tmp_path), CXX=f'{broken} -m64'),
        'it ended with status -9': dict(DSONAS_NATIVE=str(tmp_path), CXX=killed),
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
    assert answer.startswith('operators') and answer.endswith('(124,)') and '.so: ' in answer


def test_a_folder_that_no_locale_can_write_is_refused(tmp_path):
    answer = said(tried(DSONAS_NATIVE=str(tmp_path / 'x\udcff')))
    assert answer.startswith('operators') and answer.endswith('(124,)')


def ended(number):
    """Whether a process is gone, or only waits for its parent to look."""
    try:
        with open(f'/proc/{number}/stat') as stream:
            return stream.read().rsplit(')', 1)[1].split()[0] == 'Z'
    except OSError:
        return True


def test_a_compiler_that_does_not_end_is_ended(tmp_path, monkeypatch):
    waiting = script(tmp_path, f'echo $$ > {tmp_path}/parent; sleep 300 & echo $! > {tmp_path}/child; wait')
    monkeypatch.setenv('CXX', waiting)
    monkeypatch.setenv('DSONAS_NATIVE', str(tmp_path / 'new'))
    monkeypatch.setattr(native, 'PATIENCE', 2)
    assert native.missing.__wrapped__() == f'{waiting}: it has not ended in 2 seconds'
    deadline = time.monotonic() + 30
    while not all(ended((tmp_path / name).read_text().strip()) for name in ('parent', 'child')):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert os.listdir(tmp_path / 'new') == []


GOOD = 'max 3 1 1 0:-1|1:-1|identity|fixed|learned'


def arrays():
    """Those of a block of one operation without weights, and the weights of its output: image, statistics, weights, statistics."""
    norms = [[mx.nd.ones((4,)) for _ in range(4)] for _ in range(2)]
    return [mx.nd.ones((2, 4, 8, 8)), *norms[0], mx.nd.ones((4, 4, 1, 1)), *norms[1]]


def run(given, plan=GOOD):
    return mx.nd.dsonas_block(*given, plan=plan, eps=1e-5, momentum=0.9, wanted='all').asnumpy()


@compiled
@pytest.mark.parametrize(
    'plan',
    [
        '',
        'max 3 1 1 0:-1',
        'max 3 1 1 0:-1|1:-1',
        'max 3 1 1 0:-1|1:-1|identity',
        'max 3 1 1 0:-1|1:-1|none|fixed|learned',
    ]
    + ['max 3 1 1 0:-1|1:-1|identity|fixed', 'max 3 1 1 0:-1|1:-1|identity|fixed|given']
    + [
        'median 3 1 1 0:-1|1:-1|identity|fixed|learned',
        'max 3 1 1 0:-1||identity|fixed|learned',
        'max 3 1 1|1:-1|identity|fixed|learned',
    ]
    + [f'max {kernel} 1 1 0:-1|1:-1|identity|fixed|learned' for kernel in (-3, 0, 4, 17, 'x')]
    + [f'max 3 {dilation} 1 0:-1|1:-1|identity|fixed|learned' for dilation in (-1, 0, 10**6)]
    + [f'max 3 1 1 {edge}|1:-1|identity|fixed|learned' for edge in ('1:-1', '2:-1', '-1:-1', '0:-2', '0:-1 rest')]
    + [f'max 3 1 1 0:-1|{edge}|identity|fixed|learned' for edge in ('2:-1', '-1:-1', '1:-1;')],
)
def test_a_plan_that_cannot_be_computed_is_refused(plan):
    assert run(arrays()).shape == (2, 4, 8, 8)
    with pytest.raises(mx.base.MXNetError):
        run(arrays(), plan)


@compiled
@pytest.mark.parametrize('place', range(10))
@pytest.mark.parametrize('shape', [(1,), (4, 4), (5, 4, 1, 1), (2, 4, 8)])
def test_arrays_of_other_shapes_are_refused(place, shape):
    given = arrays()
    if place == 0 and shape == (5, 4, 1, 1):
        pytest.skip('these are other images')
    given[place] = mx.nd.ones(shape)
    with pytest.raises(mx.base.MXNetError):
        run(given)


@compiled
def test_too_few_scaling_factors_are_refused():
    image, *rest = arrays()
    plan = 'max 3 1 1 0:5|1:2|identity|fixed|learned'
    assert run([image, mx.nd.ones((6,)), *rest], plan).shape == (2, 4, 8, 8)
    with pytest.raises(mx.base.MXNetError):
        run([image, mx.nd.ones((5,)), *rest], plan)


@compiled
def test_masks_of_other_shapes_are_refused():
    image, *rest = arrays()
    plan = 'max 3 1 1 0:-1|1:0|identity|fixed|drawn'
    assert run([image, mx.nd.ones((2, 1)), *rest], plan).shape == (2, 4, 8, 8)
    for shape in [(1, 1), (2, 2), (2,), (2, 1, 1)]:
        with pytest.raises(mx.base.MXNetError):
            run([image, mx.nd.ones(shape), *rest], plan)
    with pytest.raises(mx.base.MXNetError, match='no edge has a λ that is drawn'):
        run([image, *rest], GOOD.replace('learned', 'drawn'))


@compiled
def test_an_error_is_told_once_and_costs_nothing_later():
    """In a process of its own: what it takes for good is seen there."""
    script = """
import gc, mxnet as mx
from dsonas.symbols.backend import native
assert native.missing() is None
def norms(): return [mx.nd.ones((4,)) for _ in range(4)]
given = [mx.nd.ones((2, 4, 8, 8)), *norms(), mx.nd.ones((4, 4, 1, 1)), *norms()]
def run(plan):
    return mx.nd.dsonas_block(*given, plan=plan, eps='1e-5', momentum='0.9', wanted='all').wait_to_read()
good = 'max 3 1 1 0:-1|1:-1|identity|fixed|learned'
told = []
for number in range(30):
    try:
        run(good + 'x' * 1000 + str(number))
    except mx.base.MXNetError as error:
        told.append(str(error))
assert len(told) == 30
def resident():
    gc.collect()
    with open('/proc/self/status') as stream:
        return next(int(line.split()[1]) for line in stream if line.startswith('RssAnon'))
for times in (200, 1000):
    before = resident()
    for _ in range(times):
        run(good)
print(told[-1].count('xxxx29'), told[-1].count('xxxx28'), resident() - before)
"""
    done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    own, others, growth = map(int, done.stdout.split())
    assert own and not others
    assert growth < 8000  # kB; copies of all messages would be thirty times a thousand of them


@compiled
def test_numbers_are_read_alike_in_every_locale(tmp_path):
    """In many languages a number's point is a comma, for C's functions."""
    made = subprocess.run(
        ['localedef', '-i', 'de_DE', '-f', 'UTF-8', str(tmp_path / 'de_DE.UTF-8')], capture_output=True
    )
    if made.returncode:
        pytest.skip('no such locale can be made here')
    script = """
import locale, mxnet as mx
from dsonas.symbols.backend import native
assert native.missing() is None
locale.setlocale(locale.LC_ALL, 'de_DE.UTF-8')
norms = [[mx.nd.ones((4,)) for _ in range(4)] for _ in range(2)]
given = [mx.nd.random.normal(shape=(2, 4, 8, 8)), *norms[0], mx.nd.ones((4, 4, 1, 1)), *norms[1]]
mx.nd.dsonas_block(*given, plan='max 3 1 1 0:-1|1:-1|identity|fixed|learned', eps='2e-05', momentum='0.9', wanted='all').wait_to_read()
print(float((norms[0][3] - 0.9).min().asscalar()))
"""
    environment = dict(os.environ, LOCPATH=str(tmp_path))
    done = subprocess.run([sys.executable, '-c', script], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 0 < float(done.stdout.split()[-1].replace(',', '.')) < 0.1


@compiled
def test_the_interface_lies_beside_mxnet():
    assert all(os.path.isfile(path) for path in native.interface())
    assert np.isfinite(mx.nd.ones((1,)).asscalar())
