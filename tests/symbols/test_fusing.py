"""Blocks of networks as one operator: what they compute, on every path, is what MXNet's operators compute in double precision."""

import ctypes
import gc
import os
import random
import zlib

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd

from dsonas.symbols.architecture import Architecture
from dsonas.symbols.backend import native, operators
from dsonas.symbols.network import Network
from dsonas.symbols.operations import OPERATIONS, AveragePool, Depthwise, MaxPool, Operation, Pointwise
from dsonas.symbols.space import PAPER_OPERATIONS, SearchSpace
from dsonas.symbols.supernet import Supernet

pytestmark = pytest.mark.skipif(native.missing() is not None, reason=f'the operator is not there: {native.missing()}')
EXAMPLES = int(os.environ.get('DSONAS_EXAMPLES', '0'))  # further random cases
ADDED = [
    Operation('dilated', 'separable', (Depthwise(3, dilation=2), Pointwise())),
    Operation('depthwise_only', 'separable', (Depthwise(5),)),
    Operation('wide', 'separable', (Depthwise(9), Pointwise())),
    Operation('pointlike', 'separable', (Depthwise(1), Pointwise())),
    Operation('broad_average', 'average', (AveragePool(5),)),
    Operation('broad_maximum', 'max', (MaxPool(5),)),
]
NOT_FUSED = Operation('smoothed', 'separable', (Depthwise(3), AveragePool(3), Pointwise()))
SHAPES = [(1, 8), (3, 32), (5, 7), (50, 8), (2, 28), (9, 16), (4, 33), (7, 12)]  # (images, pixels)


@pytest.fixture(autouse=True)
def more_operations():
    with OPERATIONS.restored():
        for operation in [*ADDED, NOT_FUSED]:
            OPERATIONS.register(operation.name, operation)
        yield


def filled(net, seed):
    """A network with weights, β and λ of its own; λ that are not there are zero."""
    values = {}
    for name, param in net.collect_params().items():
        generator = np.random.RandomState(zlib.crc32(f'{seed} {name}'.encode()))
        value = generator.standard_normal(param.shape)
        if name.endswith('weight'):
            values[name] = value / max(np.prod(param.shape[1:]), 1) ** 0.5
        elif name.endswith('beta'):
            values[name] = 0.3 * value
        elif name.endswith('gamma'):
            values[name] = 1 + 0.3 * value
    for gate, mask in zip(getattr(net, 'gates', []), net.architecture.masks()):
        values[gate.name] = np.array(mask) * (0.7 + 0.3 * np.random.RandomState(seed).standard_normal(gate.shape))
    for name, value in values.items():
        param = net.collect_params()[name]
        param.set_data(mx.nd.array(value, dtype=param.dtype))
    return net


def built(space, architecture, kind, dtype, seed, hybridize=True, widths=None, drop_path=False):
    """A supernet, or a derived network of these widths."""
    if widths is None:
        net = Supernet(space, architecture, kernels_kind=kind)
    else:
        net = Network(architecture, widths, kernels_kind=kind, drop_path=drop_path)
    net.cast(dtype)
    net.initialize()
    if hybridize:
        net.hybridize(static_alloc=True, static_shape=True)
    return filled(net, seed)


def computed(net, x, times=1, rate=None):
    """(logits, gradients and running statistics by name)."""
    weight = mx.nd.array(np.random.RandomState(1).standard_normal((x.shape[0], 5)), dtype=x.dtype)
    for _ in range(times):
        with autograd.record():
            y = net(x) if rate is None else net(x, mx.nd.array([rate], dtype=x.dtype))
            loss = (y * weight).sum()
        loss.backward()
    found = {name: param.grad().asnumpy() for name, param in net.collect_params().items() if param.grad_req != 'null'}
    mx.nd.waitall()
    found.update({n: p.data().asnumpy() for n, p in net.collect_params().items() if 'running' in n})
    return y.asnumpy(), found


def deviations(found, wanted):
    """Distances as shares of their arrays; of those that are nothing beside others (scales that batch norm takes out), of the others."""
    sizes = {name: np.linalg.norm(value) for name, value in wanted.items()}
    least = 1e-3 * max(sizes.values())
    return {name: np.linalg.norm(found[name] - wanted[name]) / max(sizes[name], least) for name in wanted}


def random_space(chance):
    names = PAPER_OPERATIONS + tuple(operation.name for operation in ADDED)
    blocks = [(1, 1), (2, 1), (1, 1, 1)]
    return SearchSpace.cifar10(
        share=chance.random() < 0.5,
        channels=chance.choice([1, 3, 5, 8, 12, 16, 17, 24, 40]),
        blocks=chance.choice(blocks),
        classes=5,
        levels=chance.choice([1, 2, 3, 4]),
        operations=PAPER_OPERATIONS if chance.random() < 0.5 else tuple(chance.sample(names, chance.randint(1, 7))),
        first_level_gates=chance.random() < 0.3,
    )


def compare(space, architecture, chance, seed, widths=None, rate=None):
    """With some images rounding opens a ReLU or moves a maximum; with most it does not."""
    images, pixels = chance.choice(SHAPES)
    worst = []
    for _ in range(5):
        data = np.random.RandomState(chance.randrange(10**6)).standard_normal((images, 3, pixels, pixels))
        results = []
        for kind, dtype in (('cpu', 'float32'), ('plain', 'float64')):
            net = built(space, architecture, kind, dtype, seed, widths=widths, drop_path=rate is not None)
            results.append(computed(net, mx.nd.array(data, dtype=dtype), rate=rate))
        (logits, found), (wanted_logits, wanted) = results
        assert np.abs(logits - wanted_logits).max() < 1e-3 * np.abs(wanted_logits).max()
        assert set(found) == set(wanted)
        found = {
            name: value[: len(wanted[name])] for name, value in found.items()
        }  # statistics are as long as maps are wide
        apart = deviations(found, wanted)
        assert all(value < 1e-3 for name, value in apart.items() if 'running' in name)
        worst.append(max(apart.values()))
        if worst[-1] < 2e-3:
            return
    raise AssertionError(worst)


@pytest.mark.parametrize('seed', range(16 + EXAMPLES))
def test_any_block_of_a_supernet_computes_what_mxnet_does_in_double_precision(seed):
    """Spaces, prunings, widths and images at random."""
    print('seed', seed)
    chance = random.Random(seed)
    space = random_space(chance)
    keep = chance.choice([1.0, 0.7, 0.4, 0.2])
    architecture = Architecture.random(space, seed, keep) if keep < 1 else Architecture.full(space)
    compare(space, architecture, chance, seed)


@pytest.mark.parametrize('seed', range(16 + EXAMPLES))
def test_any_block_of_a_derived_network_computes_what_mxnet_does_in_double_precision(seed):
    print('seed', seed)
    chance = random.Random(1000 + seed)
    space = random_space(chance)
    widths = tuple(chance.choice([1, 3, 5, 8, 12, 16, 17, 24, 41, 48]) for _ in space.blocks)
    compare(space, Architecture.random(space, seed, chance.choice([0.8, 0.5, 0.35])), chance, seed, widths)


def draws(F, like):
    """As good as random, and the same in either precision: 0.05, 0.15, … by (image, edge)."""
    edges = F.reshape(F.contrib.arange_like(like, axis=1), shape=(1, -1))  # `like` has the images' numbers
    both = F.broadcast_add(F.broadcast_mul(like * 3 + 13, edges), like * 7)
    return (both - 10 * F.floor(both / 10) + 0.5) / 10


@pytest.mark.parametrize('seed', range(12 + EXAMPLES))
def test_drop_path_drops_what_mxnet_drops(seed, monkeypatch):
    print('seed', seed)
    monkeypatch.setattr(operators, '_uniform', draws)
    chance = random.Random(2000 + seed)
    space = random_space(chance)
    widths = tuple(chance.choice([1, 3, 8, 12, 16, 17, 24, 41]) for _ in space.blocks)
    architecture = Architecture.random(space, seed, chance.choice([0.8, 0.5, 0.35]))
    compare(space, architecture, chance, seed, widths, chance.choice([0.0, 0.2, 0.35, 0.75]))


@pytest.mark.parametrize('hybridize', [False, True])
def test_draws_of_drop_path_are_those_of_mxnets_operators(hybridize):
    """Step by step, at rates that change."""
    architecture = Architecture.random(SearchSpace.cifar10(channels=8, blocks=(2, 1), classes=5), 1, 0.6)
    x = mx.nd.array(np.random.RandomState(3).standard_normal((6, 3, 16, 16)))
    results = {}
    for kind in ('cpu', 'onednn', 'exact'):
        net = built(None, architecture, kind, 'float32', 1, hybridize, widths=(8, 12), drop_path=True)
        mx.random.seed(5)
        results[kind] = [computed(net, x, rate=rate) for rate in (0.5, 0.5, 0.0, 0.2, 1.0)]
        assert whole_blocks(net) == (3 if kind == 'cpu' and hybridize else 0)
    for kind in ('onednn', 'exact'):
        for (ours, gradients), (theirs, wanted) in zip(results['cpu'], results[kind]):
            assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max()
            apart = deviations({name: value[: len(wanted[name])] for name, value in gradients.items()}, wanted)
            assert np.median(list(apart.values())) < 1e-3  # of which a ReLU that opens by rounding moves a few
    first, second, *_ = [logits for logits, _ in results['cpu']]
    assert np.abs(first - second).max() > 1e-2 * np.abs(first).max()


@pytest.mark.parametrize('drop_path', [False, True])
def test_a_tile_is_one_image_only_where_each_has_masks(drop_path):
    architecture = Architecture.random(SearchSpace.cifar10(channels=8, blocks=(2, 1), classes=5), 1, 0.6)
    net = Network(architecture, drop_path=drop_path)
    plans = [block._plan for block in net._children.values() if hasattr(block, 'shortcut')]
    assert len(plans) == 3 and {plan.rsplit('|', 1)[1] for plan in plans} == {'drawn' if drop_path else 'learned'}


def whole_blocks(net):
    """How many of the blocks that a network and its twins have compiled are one operator."""
    graphs = [one._cached_graph[1].tojson() for one in [net, *twins(net)] if one._cached_graph]
    return sum(graph.count('"op": "dsonas_block"') for graph in graphs)


def twins(net):
    return list(vars(net._twins or object).get('by_kind', {}).values())


def test_the_papers_blocks_are_fused_and_others_are_not():
    def operators(space, kind='cpu', make=Supernet):
        net = make(space, kernels_kind=kind)
        net.initialize()
        net.hybridize()
        with autograd.record():
            net(mx.nd.ones((1, 3, 16, 16)))
        return whole_blocks(net)

    def derived(space, **options):
        return Network(Architecture.full(space), **options)

    space = SearchSpace.cifar10(channels=4, blocks=(2, 1), classes=5)
    assert operators(space) == operators(space, make=derived) == 3
    assert operators(space, 'onednn') == operators(space, 'onednn', derived) == operators(space, 'plain', derived) == 0
    unknown = SearchSpace.cifar10(channels=4, blocks=(2, 1), classes=5, operations=('max_pool_3x3', 'smoothed'))
    decoys = SearchSpace.cifar10(channels=4, blocks=(2, 1), classes=5, operations=('max_pool_3x3', 'noise'))
    assert operators(unknown) == operators(decoys) == 0


@pytest.fixture
def small():
    space = SearchSpace.cifar10(channels=8, blocks=(1, 1), classes=5)
    x = mx.nd.array(np.random.RandomState(3).standard_normal((6, 3, 16, 16)))
    return space, x


def test_again_and_again_with_other_groups_and_sizes(small):
    """Gradients of W, of λ, of both and of W again, with more and fewer images: each as a network computes it that did nothing before."""
    space, x = small
    net = built(space, None, 'cpu', 'float32', 1)
    weights, gates = list(net.weights().values()), net.gates
    trained = [param for param in weights if param.grad_req != 'null']
    orders = ['weights', 'gates', 'weights', 'both', 'weights', 'both', 'both', 'gates', 'gates', 'weights']
    for number, asked in enumerate(orders):
        for params, name in ((trained, 'weights'), (gates, 'gates')):
            for param in params:
                param.grad_req = 'write' if asked in (name, 'both') else 'null'
        images = x[: 6 - number % 3]
        logits, found = computed(net, images)
        fresh = built(space, None, 'cpu', 'float32', 1)
        wanted_logits, wanted = computed(fresh, images)
        assert np.array_equal(logits, wanted_logits)
        own = {name: value for name, value in found.items() if 'running' not in name}
        assert all(np.abs(own[name] - wanted[name]).max() <= 1e-5 * np.abs(wanted[name]).max() for name in own)
        assert own and all(np.abs(value).max() > 0 for name, value in own.items())


@pytest.mark.parametrize('hybridize', [False, True])
def test_gradients_are_added_where_they_are_to_be(small, hybridize):
    space, x = small
    net = built(space, None, 'cpu', 'float32', 1, hybridize)
    once = computed(net, x)[1]
    net.collect_params().setattr('grad_req', 'add')
    net.collect_params('.*(running|gamma).*').setattr('grad_req', 'null')
    thrice = computed(net, x, times=3)[1]
    for name, value in once.items():
        if 'running' not in name:
            assert np.linalg.norm(thrice[name] - 3 * value) <= 1e-2 * np.linalg.norm(value), name


@pytest.mark.parametrize('rate', [None, 0.3])
def test_two_passes_before_their_gradients_and_gradients_twice(small, rate, monkeypatch):
    monkeypatch.setattr(operators, '_uniform', draws)
    space, x = small
    options = dict(architecture=None) if rate is None else dict(architecture=Architecture.full(space), widths=(8, 12))
    options.update(kind='cpu', dtype='float32', seed=1, drop_path=rate is not None)
    net = built(space, hybridize=False, **options)
    others = x * 0.5 + 0.1
    wanted = [computed(built(space, **options), images, rate=rate)[1] for images in (x, others)]
    weight = mx.nd.array(np.random.RandomState(1).standard_normal((6, 5)))
    given = [] if rate is None else [mx.nd.array([rate])]
    with autograd.record():
        losses = [(net(images, *given) * weight).sum() for images in (x, others)]
    running = {name: param.data().asnumpy() for name, param in net.collect_params('.*running.*').items()}
    for number, _ in [(1, 0), (0, 0), (0, 1)]:
        losses[number].backward(retain_graph=True)
        for name, param in net.collect_params().items():
            if param.grad_req != 'null':
                expected = wanted[number][name]
                assert np.abs(param.grad().asnumpy() - expected).max() <= 1e-5 * np.abs(expected).max(), (number, name)
    mx.nd.waitall()
    own = [name for name in running if '_out_bn' in name or '_L' in name]
    assert own and all(np.array_equal(net.collect_params()[name].data().asnumpy(), running[name]) for name in own)


def test_inference_and_double_precision_take_other_operators(small):
    space, x = small
    net, exact = built(space, None, 'cpu', 'float32', 1), built(space, None, 'exact', 'float32', 1)

    def apart():
        wanted = exact(x).asnumpy()
        return np.abs(net(x).asnumpy() - wanted).max() / np.abs(wanted).max()

    for hybridize in (False, True):
        net.hybridize(hybridize)
        assert apart() < 1e-5
        with autograd.train_mode():
            assert apart() < 1e-5
        with autograd.record(train_mode=False):
            assert apart() < 1e-5
    double, wanted = (
        computed(built(space, None, kind, 'float64', 1), x.astype('float64')) for kind in ('cpu', 'plain')
    )
    assert max(deviations(double[1], wanted[1]).values()) < 1e-9


@pytest.mark.parametrize('widths', [None, (8, 12)])
def test_within_another_graph_it_infers(small, widths):
    """An outer block, and a graph that is bound: neither tells the operator whether it trains."""
    space, x = small

    class Outer(mx.gluon.HybridBlock):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def hybrid_forward(self, F, x):
            return self.net(x)

    results = []
    for kind in ('cpu', 'onednn'):
        net = built(space, Architecture.full(space), kind, 'float32', 1, widths=widths)
        before = {name: param.data().asnumpy() for name, param in net.collect_params('.*running.*').items()}
        outer = Outer(net)
        outer.hybridize()
        results.append(outer(x).asnumpy())
        assert all(
            np.array_equal(param.data().asnumpy(), before[name])
            for name, param in net.collect_params('.*running.*').items()
        )
        net.hybridize(False)
        cell = next(block for block in net._children.values() if hasattr(block, 'shortcut'))
        maps = mx.nd.ones((2, 8, 8, 8))
        results[-1] = [results[-1], cell(maps, *([net.gates[0].data()] if widths is None else [])).asnumpy()]
    for ours, theirs in zip(*results):
        assert np.abs(ours - theirs).max() <= 1e-5 * np.abs(theirs).max()


def test_a_network_is_exported_as_it_infers(small, tmp_path):
    space, x = small
    net = built(space, Architecture.full(space), 'cpu', 'float32', 1, widths=(8, 12))
    computed(net, x)
    with pytest.raises(RuntimeError, match='run it once outside of autograd.record'):
        net.export(str(tmp_path / 'net'))
    wanted = net(x).asnumpy()
    net.export(str(tmp_path / 'net'))
    loaded = mx.gluon.SymbolBlock.imports(
        str(tmp_path / 'net-symbol.json'), ['data'], str(tmp_path / 'net-0000.params')
    )
    assert np.abs(loaded(x).asnumpy() - wanted).max() <= 1e-5 * np.abs(wanted).max()
    written = {key.split(':', 1)[1]: value for key, value in mx.nd.load(str(tmp_path / 'net-0000.params')).items()}
    for name, param in net.collect_params().items():  # MXNet reads statistics to the end of the maps, whatever is there
        assert np.array_equal(written[name].asnumpy(), param.data().asnumpy())


def test_maps_that_are_almost_constant_are_normalised(small):
    """Rows of few values, whose rest of a vector is most of it: sums of squares must not cancel."""
    space, _ = small
    for size, mean in ((1, 5.0), (7, 30.0), (3, 1000.0)):
        net = built(space, None, 'cpu', 'float32', 1, hybridize=False)
        cell = next(block for block in net._children.values() if hasattr(block, 'shortcut'))
        maps = mx.nd.full((1, 8, size, size), mean)
        with autograd.record():
            y = cell(maps, net.gates[0].data())
        y.backward()
        assert np.isfinite(y.asnumpy()).all() and np.isfinite(net.gates[0].grad().asnumpy()).all()


def test_options_of_hybridize_reach_all_graphs(small):
    space, x = small
    net = built(space, None, 'cpu', 'float32', 1, hybridize=False)
    net.collect_params('.*lambda').setattr('grad_req', 'null')
    first = computed(net, x)[0]
    net.hybridize(static_alloc=True, static_shape=True)
    second = computed(net, x)[0]
    assert np.abs(first - second).max() <= 1e-5 * np.abs(first).max()
    (twin,) = twins(net)
    assert twin._active and dict(twin._flags)['static_alloc']


def test_two_devices_compute_at_once(small):
    space, x = small
    net = Supernet(space, kernels_kind='cpu')
    contexts = [mx.cpu(0), mx.cpu(1)]
    net.initialize(ctx=contexts)
    filled(net, 1)
    net.hybridize(static_alloc=True, static_shape=True)
    weight = mx.nd.array(np.random.RandomState(1).standard_normal((6, 5)))
    parts = [x, x * 0.5 + 0.1]
    for _ in range(3):
        with autograd.record():
            losses = [(net(part.as_in_context(c)) * weight.as_in_context(c)).sum() for part, c in zip(parts, contexts)]
        autograd.backward(losses)
    for part, context in zip(parts, contexts):
        wanted = computed(built(space, None, 'cpu', 'float32', 1), part)[1]
        for name, param in net.collect_params().items():
            if param.grad_req != 'null':
                found = param.grad(context).asnumpy()
                assert np.abs(found - wanted[name]).max() <= 1e-5 * np.abs(wanted[name]).max(), name


@pytest.mark.parametrize('kind', ['cpu', 'onednn'])
def test_one_channel_alone(small, kind):
    """Whose maps have more, of zeros: its depthwise convolutions have a group for each of them, too."""
    space, x = small
    architecture = Architecture.full(space)
    wanted = computed(built(space, architecture, 'plain', 'float64', 1, widths=(1, 1)), x.astype('float64'))
    found = computed(built(space, architecture, kind, 'float32', 1, widths=(1, 1)), x)
    assert np.abs(found[0] - wanted[0]).max() < 1e-3 * np.abs(wanted[0]).max()


def test_what_is_not_a_number_stays_none(small):
    """From a block's input to its output, and to the gradients of λ; batch norm of MXNet's own makes zeros of it."""
    space, x = small
    net = built(space, None, 'cpu', 'float32', 1, hybridize=False)
    cell = next(block for block in net._children.values() if hasattr(block, 'shortcut'))
    maps = mx.nd.array(np.random.RandomState(4).standard_normal((6, 8, 16, 16)))
    for value in (np.nan, np.inf):
        maps[2, 1, 3, 4] = value
        with autograd.record():
            y = cell(maps, net.gates[0].data())
        y.backward()
        assert np.isnan(y.asnumpy()).all() and np.isnan(net.gates[0].grad().asnumpy()).all()


class Memory(ctypes.Structure):
    """What C's library says of its memory, in bytes."""

    names = 'arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost'
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]


def in_use():
    """Bytes that this process has taken and not given back."""
    try:
        function = ctypes.CDLL(None).mallinfo2
    except (OSError, AttributeError):
        pytest.skip('this C library does not say what is in use')
    function.restype = Memory
    gc.collect()
    told = function()
    return told.uordblks + told.hblkhd


@pytest.mark.parametrize('what', ['supernet', 'in turn', 'derived', 'drop path', 'inference'])
def test_memory_stays_what_it_is(small, what):
    """A step that loses a kilobyte loses gigabytes in a day; so does one that MXNet's interface for operators loses."""
    space, x = small
    derived = dict(widths=(8, 12)) if what in ('derived', 'drop path') else {}
    net = built(space, Architecture.full(space), 'cpu', 'float32', 1, drop_path=what == 'drop path', **derived)

    def step(number):
        if what == 'in turn':
            net.collect_params().setattr('grad_req', 'null')
            chosen = net.gates if number % 2 else net.weights().values()
            for param in chosen:
                param.grad_req = 'null' if 'running' in param.name or 'gamma' in param.name else 'write'
        if what == 'inference':
            return net(x).asnumpy()
        return computed(net, x, rate=0.3 if what == 'drop path' else None)

    for number in range(10):
        step(number)
    growths = []
    for _ in range(4):
        before = in_use()
        for number in range(50):
            step(number)
        growths.append((in_use() - before) / 50)
    assert min(growths) < 300, growths
