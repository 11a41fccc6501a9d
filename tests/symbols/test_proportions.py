"""Two budgets that are met at once: within both, near both, and no nearer by another rounding."""

import itertools
import json

import pytest

from dsonas.runfiles.summary import read_summary
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.budget import fit_widths, parse_budgets
from dsonas.symbols.cost import cost
from dsonas.symbols.proportions import REACH, STEEPEST
from dsonas.symbols.space import SearchSpace
from dsonas.tools.reporting import parts
from dsonas.train.deriving.sizes import describe, describe_multiples

SPACES = {
    'share': (SearchSpace.cifar10(channels=8, blocks=(1, 1, 1)), 32),
    'full': (SearchSpace.cifar10(share=False, channels=16, blocks=(2, 1)), 32),
    'imagenet': (SearchSpace.imagenet(share=False, channels=16, blocks=(1, 1, 1, 1)), 64),
}


def of_both(architecture, size, params, lean):
    """Budgets: so many parameters, and `lean` of the FLOPs that a uniform multiplier gives with them."""
    flops = fit_widths(architecture, ('params', params), size, multiple=1).cost.flops
    return ('params', params), ('flops', lean * flops)


@pytest.mark.parametrize('lean', [0.85, 1.0, 1.15])
@pytest.mark.parametrize('name', SPACES)
def test_both_are_met(name, lean):
    space, size = SPACES[name]
    for seed in range(6):
        architecture = Architecture.random(space, seed, 0.15 + 0.05 * seed)
        limits = of_both(architecture, size, 60e3, lean)
        fit = fit_widths(architecture, limits, size)
        reached = [getattr(cost(architecture, fit.widths, size), kind) for kind, _ in limits]
        assert [fit.reached, fit.also[0][2]] == reached and fit.also[0][:2] == limits[1]
        for (kind, target), value in zip(limits, reached):
            least = 0.97 if len(fit.widths) > 2 else 0.95  # two widths have few roundings
            assert least * target <= value <= target, (seed, kind, fit)
        assert fit.multiple == 1 and (len(fit.widths) == 2 or not fit.notes)
        assert not (space.stem == 'imagenet' and fit.widths[0] % 2)


def test_no_widths_nearby_are_better():
    """All widths of two stages near those chosen, one by one."""
    space, size = SPACES['full']
    for seed in range(4):
        architecture = Architecture.random(space, seed, 0.3)
        limits = of_both(architecture, size, 40e3, 0.9)
        fit = fit_widths(architecture, limits, size)

        def unused(widths, architecture=architecture, limits=limits):
            counted = cost(architecture, widths, size)
            shares = [getattr(counted, kind) / target for kind, target in limits]
            return int((1 - min(shares)) / 0.01) if max(shares) <= 1 else 100

        around = itertools.product(*(range(width - REACH, width + REACH + 1) for width in fit.widths))
        assert unused(fit.widths) == min(map(unused, around)), (seed, fit)


@pytest.mark.parametrize('lean, kind', [(0.2, 'params'), (8.0, 'flops')])
def test_what_proportions_do_not_allow_is_said(lean, kind):
    space, size = SPACES['share']
    architecture = Architecture.random(space, 1, 0.3)
    fit = fit_widths(architecture, of_both(architecture, size, 60e3, lean), size)
    assert len(fit.notes) == 1 and fit.notes[0].startswith(f'{kind}: ') and 'stays unused' in fit.notes[0]
    assert fit.reached <= fit.target and fit.also[0][2] <= fit.also[0][1]
    grown = (fit.widths[-1] / fit.widths[0]) / (space.widths()[-1] / space.widths()[0])
    assert (
        1 / (1.6 * STEEPEST) < grown < 1.6 * STEEPEST
    )  # a first stage of few channels is rounded by a large share of them
    assert fit.notes[0] in str(fit) and describe_multiples(fit.to_dict()) == list(fit.notes)


def test_a_single_stage_meets_the_tighter_one():
    architecture = Architecture.random(SearchSpace.cifar10(channels=16, blocks=(3,)), 1, 0.3)
    alone, tight = fit_widths(architecture, 'flops=20M', multiple=1), fit_widths(architecture, 'params=1M,flops=20M')
    assert tight.widths == alone.widths and tight.notes[0].startswith('params: ')


def test_written():
    assert parse_budgets('params=70k,flops=9.8M') == parse_budgets(' flops = 9.8M, params=70k')[::-1]
    assert parse_budgets('latency=5ms') == (('latency', 0.005),)


@pytest.mark.parametrize(
    'text', ['params=1M,params=2M', 'params=1M,latency=5ms', 'params=1M,flops=2M,mac=3M', 'latency=1ms,latency=2ms']
)
def test_refused(text):
    with pytest.raises(
        ValueError, match='two budgets that are met at once are two different ones of params, flops, mac'
    ):
        parse_budgets(text)


@pytest.mark.parametrize('text', ['params=1M,', ',params=1M', 'params=1M,flops', 'params=1M flops=2M'])
def test_refused_as_a_single_one_is(text):
    with pytest.raises(ValueError, match='is not written like params=3.0M'):
        parse_budgets(text)


def test_a_measure_takes_one_budget():
    with pytest.raises(ValueError, match='a measure of one.s own takes one'):
        fit_widths(Architecture.full(SPACES['share'][0]), 'params=1M,flops=9M', measure=sum)


def test_neither_can_be_bought():
    with pytest.raises(ValueError, match='budget: flops=1000 cannot be met'):
        fit_widths(Architecture.full(SPACES['share'][0]), 'params=1M,flops=1k')


def test_where_people_look(tmp_path):
    """The terminal, summary.json and the report name both."""
    architecture = Architecture.random(SPACES['share'][0], 2, 0.3)
    fit = fit_widths(architecture, 'params=60k,flops=8M')
    assert 'params' in repr(fit) and f'of {8} M' in repr(fit)
    budget = json.loads(json.dumps(fit.to_dict()))
    line = describe({'params': fit.cost.params, 'flops': fit.cost.flops, 'budget': budget}, fit.widths)
    assert 'below the budget of params=60000, ' in line and 'below the budget of flops=8e+06' in line
    (tmp_path / 'summary.json').write_text(json.dumps({'budget': budget}))
    assert read_summary(str(tmp_path / 'summary.json'))['budget'] == budget
    labels = [fact.label for fact in parts._budget(budget)]
    assert labels[:2] == ['of the budget params = 60 k: met', 'of the budget flops = 8 M: met']
