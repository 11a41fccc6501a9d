"""The width multiplier: budgets met from below, closely, and with nothing left that fits."""

import pytest

from dsonas.symbols.architecture import Architecture
from dsonas.symbols.budget import fit_widths, parse_budget
from dsonas.symbols.cost import cost
from dsonas.symbols.space import SearchSpace

SPACES = {
    'share': SearchSpace.cifar10(),
    'full': SearchSpace.cifar10(share=False),
    'small': SearchSpace.cifar10(channels=8, blocks=(1, 1, 1)),
    'imagenet': SearchSpace.imagenet(share=False),
    'one stage': SearchSpace.cifar10(channels=16, blocks=(3,)),
}
SIZES = {'imagenet': 64}


@pytest.mark.parametrize(
    'budget, kind, within',
    [
        ('params=150k', 'params', 0.01),
        ('flops=20M', 'flops', 0.01),
        ('params=1.5M', 'params', 0.006),
        ('mac=3M', 'mac', 0.05),
    ],
)
@pytest.mark.parametrize('name', SPACES)
def test_close_below_the_budget(name, budget, kind, within):
    space, size = SPACES[name], SIZES.get(name, 32)
    target = parse_budget(budget)[1]
    for seed in range(3):
        architecture = Architecture.random(space, seed, (0.15, 0.3, 0.6)[seed])
        fit = fit_widths(architecture, budget, size, multiple=1)
        assert fit.reached == getattr(fit.cost, kind) == getattr(cost(architecture, fit.widths, size), kind) <= target
        assert fit.distance == pytest.approx((target - fit.reached) / target) and 0 <= fit.distance, seed
        assert fit.distance < (within if len(fit.widths) > 1 else 0.08), (
            seed,
            fit.widths,
        )  # one width alone has coarse steps
        steps = [2 if space.stem == 'imagenet' else 1] + [1] * (len(fit.widths) - 1)
        assert fit.widths[0] % steps[0] == 0
        for stage, step in enumerate(steps):
            wider = list(fit.widths)
            wider[stage] += step
            assert getattr(cost(architecture, wider, size), kind) > target, (seed, fit.widths, stage)


@pytest.mark.parametrize('name', SPACES)
def test_widths_stay_near_one_multiplier(name):
    space = SPACES[name]
    for seed in range(3):
        fit = fit_widths(Architecture.random(space, seed, 0.3), 'params=1M', SIZES.get(name, 32), multiple=1)
        for width, base in zip(fit.widths, space.widths()):
            assert abs(width - fit.multiplier * base) <= 5, (seed, fit.widths, fit.multiplier)


def test_a_larger_budget_is_no_narrower_in_all():
    architecture = Architecture.random(SPACES['share'], 1, 0.3)
    reached = [fit_widths(architecture, ('params', target), multiple=1).reached for target in (1e5, 2e5, 4e5, 8e5)]
    assert reached == sorted(reached) and len(set(reached)) == 4


def test_what_a_budget_cannot_buy():
    architecture = Architecture.full(SPACES['share'])
    with pytest.raises(
        ValueError, match=r'budget: params=100 cannot be met; with 1, 1, 1 channels a stage the network has \d+'
    ):
        fit_widths(architecture, 'params=100')
    with pytest.raises(ValueError, match='with 2, 1, 1, 1 channels'):
        fit_widths(Architecture.full(SPACES['imagenet']), 'flops=1k', 64)


@pytest.mark.parametrize(
    'text, parsed',
    [
        ('params=3.0M', ('params', 3e6)),
        ('params=150k', ('params', 1.5e5)),
        ('params=2e5', ('params', 2e5)),
        ('flops=600M', ('flops', 6e8)),
        ('flops=1.2G', ('flops', 1.2e9)),
        (' mac = 40 m ', ('mac', 4e7)),
        ('latency=5ms', ('latency', 5e-3)),
        ('latency=0.2s', ('latency', 0.2)),
        ('latency=800us', ('latency', 8e-4)),
    ],
)
def test_written_budgets(text, parsed):
    kind, number = parse_budget(text)
    assert kind == parsed[0] and number == pytest.approx(parsed[1])


@pytest.mark.parametrize(
    'text',
    [
        '',
        'params',
        'params=',
        'params=3Q',
        '3M',
        'params=-3M',
        'params=3..M',
        'params=3M flops=2M',
        None,
        'params=nan',
        'params=5ms',
        'latency=5M',
        'latency=5',
    ],
)
def test_budgets_refused(text):
    with pytest.raises(ValueError, match='is not written like params=3.0M, flops=600M, mac=40M or latency=5ms'):
        parse_budget(text)


def test_unknown_and_empty_budgets():
    with pytest.raises(ValueError, match="budget: 'memory' is not one of params, flops, mac, latency"):
        parse_budget('memory=3M')
    with pytest.raises(ValueError, match='must be above 0'):
        parse_budget('params=0')


def test_a_measure_of_ones_own():
    architecture = Architecture.random(SPACES['small'], 1, 0.4)
    asked = []

    def seconds(widths):
        asked.append(widths)
        return 1e-4 * sum(widths)

    fit = fit_widths(architecture, 'latency=10ms', measure=seconds, multiple=1)
    assert (fit.kind, sum(fit.widths)) == ('latency', 100) and fit.reached == pytest.approx(0.01)
    assert len(set(asked)) == len(asked) < 60  # each network is measured once, and few are
    assert fit.to_dict() == {
        'kind': 'latency',
        'target': pytest.approx(0.01),
        'reached': fit.reached,
        'distance': fit.distance,
        'multiplier': fit.multiplier,
        'widths': list(fit.widths),
    }
    with pytest.raises(ValueError, match='budget: latency is measured on a device'):
        fit_widths(architecture, 'latency=10ms')


@pytest.mark.parametrize('multiple', [1, 16])
@pytest.mark.parametrize('target', [0.001, 0.02, 0.5])
def test_a_measured_budget_never_tries_networks_far_too_wide(multiple, target):
    """Each is built and run to be measured: one of 8,000 channels takes all memory for a budget that 30 meet."""
    architecture, tried = Architecture.random(SearchSpace.cifar10(channels=4, blocks=(1, 1, 1)), seed=1), []

    def seconds(widths):
        tried.append(widths)
        return 1e-4 + 1e-6 * sum(widths) ** 1.5

    fit = fit_widths(architecture, ('latency', target), measure=seconds, multiple=multiple)
    assert fit.reached <= target and len(tried) < 200
    assert max(map(max, tried)) <= 2.5 * max(max(fit.widths), 16)
