"""Widths that fill a device's blocks of channels: never above the budget, near it, and open about where they are no multiples."""

import math
import random
import re
import time

import pytest

from dsonas.base import machine
from dsonas.symbols import multiples
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.budget import COUNTED, fit_widths
from dsonas.symbols.cost import WidthCosts, cost
from dsonas.symbols.network import Network
from dsonas.symbols.space import SearchSpace

SPACES = {
    'cifar': (SearchSpace.cifar10, {}, 32),
    'small': (SearchSpace.cifar10, dict(channels=8, blocks=(1, 1, 1)), 32),
    'imagenet': (SearchSpace.imagenet, {}, 224),
    'one stage': (SearchSpace.cifar10, dict(channels=16, blocks=(3,)), 32),
    'five stages': (SearchSpace.cifar10, dict(channels=8, blocks=(1, 2, 1, 1, 1)), 17),
}


def drawn(rng):
    """A random architecture of a random space: (its description, Architecture, image size)."""
    name, seed, keep, share = (
        rng.choice(list(SPACES)),
        rng.randrange(1000),
        rng.choice((0.15, 0.3, 0.6)),
        rng.random() < 0.5,
    )
    make, fields, size = SPACES[name]
    return (name, seed, keep, share), Architecture.random(make(share=share, **fields), seed, keep), size


def check_notes(fit, multiple):
    """Every stage that is no multiple is named with a unit that divides its width, and no other stage is."""
    named = {}
    for note in fit.notes:
        stage, width, unit = map(
            int, re.match(r'stage (\d+): (\d+) channels, a multiple of (\d+) and not', note).groups()
        )
        assert fit.widths[stage - 1] == width and width % unit == 0 and multiple % unit == 0
        named[stage] = unit
    assert {stage for stage, width in enumerate(fit.widths, 1) if width % multiple} == set(named)


@pytest.mark.parametrize('seed', range(4))
def test_budgets_are_met_from_below_and_closely(seed):
    print('seed', seed)
    rng, tested = random.Random(seed), 0
    while tested < 12:
        what, architecture, size = drawn(rng)
        params, kind, multiple = 10 ** rng.uniform(4.5, 7.2), rng.choice(COUNTED), rng.choice((16, 8, 12, 5))
        try:
            network = fit_widths(architecture, ('params', params), size, multiple=1).cost
        except ValueError:  # too small for this space
            continue
        tested += 1
        target = float(getattr(network, kind))
        fit = fit_widths(architecture, (kind, target), size, multiple=multiple)
        case = (what, kind, target, multiple, fit.widths)
        assert fit.reached == getattr(cost(architecture, fit.widths, size), kind) <= target, case
        assert 0 <= fit.distance <= (0.01 if fit.uniform.params >= 1e6 else 0.03), case
        check_notes(fit, multiple)
        if architecture.space.stem == 'imagenet':
            assert fit.widths[0] % 2 == 0
        for width, base in zip(fit.widths, architecture.space.widths()):
            assert abs(width / (fit.multiplier * base) - 1) <= multiples.REACH or len(fit.notes), case


def test_any_width_is_what_the_uniform_rule_gives():
    for seed in range(3):
        architecture = Architecture.random(SearchSpace.cifar10(), seed, 0.3)
        single, full = (fit_widths(architecture, 'params=3.0M', multiple=multiple) for multiple in (1, 16))
        assert (
            full.uniform == single.cost
            and full.uniform_reached == single.reached
            and full.multiplier == single.multiplier
        )
        assert single.notes == () and single.uniform is None
        assert single.to_dict() == {
            key: single.to_dict()[key] for key in full.to_dict() if key not in ('multiple', 'notes', 'uniform')
        }
        assert full.to_dict()['uniform']['widths'] == list(single.widths)


def test_whole_multiples_are_preferred_where_they_come_near():
    """Brute force over all whole multiples near the shares: where one is near enough, no stage has a smaller unit."""
    seen = set()
    for seed in range(12):
        architecture = Architecture.random(SearchSpace.cifar10(channels=12, blocks=(2, 2, 2)), seed, 0.3)
        fit, costs = fit_widths(architecture, 'params=400k', multiple=8), WidthCosts(architecture)
        shares = [fit.multiplier * base for base in architecture.space.widths()]
        ranges = [
            [width for width in range(8, 400, 8) if abs(width / share - 1) <= multiples.REACH] for share in shares
        ]
        reached = [costs((a, b, c)).params for a in ranges[0] for b in ranges[1] for c in ranges[2]]
        near = any(0.97 * 4e5 <= params <= 4e5 for params in reached)
        assert near == (not fit.notes), seed
        seen.add(near)
    assert True in seen


def test_narrow_stages_take_a_smaller_unit():
    architecture = Architecture.random(SearchSpace.cifar10(channels=8, blocks=(1, 1, 1)), 1, 0.3)
    fit = fit_widths(architecture, 'params=2k', multiple=16)
    assert fit.notes and fit.reached <= 2000
    check_notes(fit, 16)


def test_equal_arguments_give_equal_widths_quickly():
    architecture = Architecture.random(SearchSpace.imagenet(share=False), 3, 0.3)
    first, start = fit_widths(architecture, 'flops=600M', 224, multiple=16), time.process_time()
    assert fit_widths(architecture, 'flops=600M', 224, multiple=16) == first
    assert time.process_time() - start < 1


def test_networks_are_built_of_independent_widths():
    space = SearchSpace.imagenet(channels=4, blocks=(1, 1, 1), classes=3)
    architecture = Architecture.random(space, 1, 0.4)
    fit = fit_widths(architecture, 'params=20k', 64, multiple=8)
    net = Network(architecture, channels=fit.widths, kernels_kind='plain')
    net.initialize()
    trained = [param for name, param in net.collect_params().items() if not name.endswith(('mean', 'var'))]
    assert sum(math.prod(param.shape) for param in trained) == fit.reached


@pytest.mark.parametrize('multiple', [16, 8, 12])
@pytest.mark.parametrize('seconds_for', ['sum', 'blocks', 'squares'])
def test_a_slow_measure_is_asked_seldom(multiple, seconds_for):
    architecture, asked = Architecture.random(SearchSpace.imagenet(share=False), 1, 0.3), []
    whole = {
        'sum': sum,
        'blocks': lambda w: sum(-(-x // 16) for x in w) * 16,
        'squares': lambda w: sum(x * x for x in w) / 100,
    }

    def seconds(widths):
        asked.append(widths)
        return 1e-4 * whole[seconds_for](widths)

    fit = fit_widths(architecture, 'latency=100ms', 64, seconds, multiple)
    assert fit.reached == 1e-4 * whole[seconds_for](fit.widths) <= 0.1
    assert fit.distance <= (0.01 if fit.cost.params >= 1e6 else 0.03) or seconds_for == 'blocks'
    assert len(set(asked)) == len(asked) < 90
    check_notes(fit, multiple)
    assert fit.uniform_reached is None and fit.to_dict()['uniform']['reached'] is None


def test_costs_by_width_are_those_of_the_network():
    rng = random.Random(5)
    for _ in range(10):
        what, architecture, size = drawn(rng)
        costs = WidthCosts(architecture, size)
        for _ in range(3):
            widths = tuple(2 * rng.randrange(1, 40) for _ in architecture.space.blocks)
            found, counted = costs(widths), cost(architecture, widths, size)
            assert (found.params, found.flops, found.mac) == (counted.params, counted.flops, counted.mac), (
                what,
                widths,
            )


@pytest.mark.parametrize('multiple, units', [(16, [16, 8, 4, 2, 1]), (12, [12, 6, 3, 1]), (1, [1]), (5, [5, 1])])
def test_units(multiple, units):
    assert multiples.units_below(multiple) == units


def test_without_a_multiple_the_machine_decides(monkeypatch):
    architecture = Architecture.random(SearchSpace.cifar10(), 1, 0.3)
    for multiple in (1, 8, 16):
        monkeypatch.setattr(machine, 'width_multiple', lambda multiple=multiple: multiple)
        assert fit_widths(architecture, 'params=3.0M') == fit_widths(architecture, 'params=3.0M', multiple=multiple)
    with pytest.raises(ValueError, match='width multiple 0: must be at least 1'):
        fit_widths(architecture, 'params=3.0M', multiple=0)
