"""What is chosen from data alone can be trained: batches fit, spaces take the images, sizes follow the images."""

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from dsonas.symbols.architecture import Architecture
from dsonas.symbols.cost import check_image_size
from dsonas.symbols.space import SearchSpace
from dsonas.train.config import settings
from dsonas.train.engine.names import StageName
from dsonas.train.engine.stage import rates
from dsonas.train.fitting import choices
from dsonas.train.fitting.facts import DataFacts

RELAXED = profile(deadline=None, max_examples=40)


@st.composite
def facts(draw):
    classes = draw(st.integers(2, 200))
    train = draw(st.integers(4 * classes, 60_000))
    weights = train // 2
    return DataFacts(classes, train, weights, train - weights, draw(st.integers(1, 10_000)))


@RELAXED
@given(facts(), st.sampled_from([16, 24, 32, 48, 64, 96, 128]), st.integers(1, 8), st.booleans())
def test_every_choice_is_a_configuration_that_trains(about, size, devices, gpu):
    values = choices.values_of(about, size, devices, gpu)
    ladder = choices.ladder(about, values, {})
    assert ladder
    for choice in ladder:
        check_image_size(choice.space, size)
        epochs = choices.wanted_epochs({'pretrain': 3, 'search': 6, 'retrain': 5})
        config = settings.build(settings.check_all({**choice.values, **choices.with_epochs(epochs)}))
        for name in StageName:
            rates(config, name)
            assert getattr(config, name).batch_size % devices == 0
        if devices == 1:
            assert config.search.batch_size <= min(about.weights, about.gates)
            assert config.retrain.batch_size <= about.train
            assert all(count >= 1 for count in choices.steps(about, config).values())


@RELAXED
@given(facts())
def test_larger_supernets_come_later_and_never_for_less_data(about):
    values = choices.values_of(about, 32, 1, False)
    ladder = choices.ladder(about, values, {})
    widths = [(choice.space.channels, choice.space.num_blocks) for choice in ladder]
    assert widths == sorted(set(widths))
    few = choices.ladder(DataFacts(2, 100, 50, 50, 20), values, {})
    assert len(few) <= len(ladder)


@pytest.mark.parametrize(
    'side, size', [(8, 16), (20, 16), (28, 32), (32, 32), (40, 32), (50, 48), (63, 48), (64, 64), (100, 96), (4000, 96)]
)
def test_images_are_brought_to_a_size_that_suits_theirs(side, size):
    assert choices.image_size(side) == size


def test_what_the_caller_sets_is_in_every_choice_and_in_the_budget():
    about = DataFacts(3, 500, 250, 250, 100)
    values = choices.values_of(about, 32, 1, False)
    given_ = {'space.channels': 6, 'space.blocks': (1, 1), 'retrain.budget': 'params=5k'}
    ladder = choices.ladder(about, values, given_)
    assert [(choice.space.channels, choice.space.blocks) for choice in ladder] == [(6, (1, 1))]
    assert 'retrain.budget' not in ladder[0].values
    assert choices.ladder(about, values, {})[0].values['retrain.budget'].startswith('flops=')


@RELAXED
@given(st.integers(1, 95), st.integers(0, 20), st.booleans())
def test_a_sample_has_as_many_edges_as_the_target(percent, seed, share):
    space = SearchSpace(share=share, channels=8, blocks=(1, 1))
    drawn, full = choices.sample(space, f'edges={percent}%', seed), Architecture.full(space)
    assert drawn.num_edges >= percent / 100 * full.num_edges or drawn == full
    assert choices.sample(space, f'edges={percent}%', seed) == drawn


@RELAXED
@given(st.integers(1, 600))
def test_the_rate_ends_as_low_as_it_may_whatever_the_epochs(epochs):
    chosen = choices.with_epochs({'pretrain': 1, 'search': 1, 'retrain': epochs})
    config = settings.build(settings.check_all(chosen))
    rate = rates(config, StageName.RETRAIN)[next(iter(rates(config, StageName.RETRAIN)))]
    assert rate(epochs) == pytest.approx(config.retrain.lr_min)
    assert max(rate(epoch) for epoch in range(epochs)) <= config.retrain.lr * (1 + 1e-9)


def test_few_images_are_augmented_more():
    few, many = (
        choices.values_of(DataFacts(2, count, count // 2, count // 2, 10), 32, 1, False) for count in (100, 9000)
    )
    for key in ('data.cutout', 'retrain.cutout', 'retrain.dropout', 'retrain.wd'):
        assert few[key] > many[key]
    assert few['search.batch_size'] < many['search.batch_size']
