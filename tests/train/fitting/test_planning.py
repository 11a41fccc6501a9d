"""Plans for many data and machines: within the minutes, an epoch of each stage at least, never fewer epochs for more time."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsonas.train.fitting import planning
from dsonas.train.fitting.planning import FINISH, KNOWN, RANDOM, STAGES, Planner, Timings, TooShort

SECONDS = st.floats(1e-4, 5.0)
TIMINGS = st.builds(Timings, *[SECONDS] * 3, st.one_of(st.just(0.0), SECONDS), *[SECONDS] * 11)
STEPS = st.fixed_dictionaries({stage: st.integers(1, 2000) for stage in STAGES})
WANTED = st.fixed_dictionaries({stage: st.integers(3, 300) for stage in STAGES})
PLANNERS = st.builds(
    Planner,
    TIMINGS,
    STEPS,
    WANTED,
    st.dictionaries(st.sampled_from(STAGES), st.integers(1, 40), max_size=2),
    st.integers(1, 3),
    st.tuples(st.integers(1, 4), st.integers(1, 2)),
)
TIMES = st.floats(1.0, 1e5)


def planned(planner, seconds):
    try:
        return planner.best(seconds)
    except TooShort as error:
        assert error.least > seconds
        return None


@settings(deadline=None)
@given(PLANNERS, TIMES)
def test_a_plan_fits_and_has_an_epoch_of_each_stage(planner, seconds):
    plan = planned(planner, seconds)
    if plan is not None:
        assert plan.total <= seconds * (1 + 1e-9)
        assert all(epochs >= 1 for epochs in plan.epochs.values())
        assert {stage: plan.epochs[stage] for stage in planner.fixed} == planner.fixed
        assert list(plan.estimates)[-1] == FINISH and all(value >= 0 for value in plan.estimates.values())


@settings(deadline=None)
@given(PLANNERS, TIMES, TIMES)
def test_more_time_never_means_fewer_epochs_or_baselines(planner, one, other):
    less, more = (planned(planner, seconds) for seconds in sorted((one, other)))
    if less is not None:
        assert more is not None
        assert all(more.epochs[stage] >= less.epochs[stage] for stage in STAGES)
        assert set(less.estimates) <= set(more.estimates)


@settings(deadline=None)
@given(PLANNERS)
def test_what_is_said_to_be_the_least_is_enough(planner):
    with pytest.raises(TooShort) as caught:
        planner.best(0.0)
    plan = planner.best(caught.value.least * (1 + 1e-9))
    assert all(plan.epochs[stage] == planner.fixed.get(stage, 1) for stage in STAGES)


@settings(deadline=None)
@given(PLANNERS, TIMES, st.floats(1.1, 3.0))
def test_a_slower_machine_gets_no_more_epochs(planner, seconds, factor):
    times = {field.name: factor * getattr(planner.timings, field.name) for field in dataclasses.fields(Timings)}
    slow, quick = planned(dataclasses.replace(planner, timings=Timings(**times)), seconds), planned(planner, seconds)
    if slow is not None:
        assert all(slow.epochs[stage] <= quick.epochs[stage] for stage in STAGES)


def test_phases_are_in_order_and_named_by_their_seed():
    assert planning.phases(2, (RANDOM, KNOWN)) == [
        'pretrain', 'search', 'pretrain-2', 'search-2', 'retrain', 'retrain-2', 'random', 'random-2', 'known', 'finish'
    ]  # fmt: skip
    assert (planning.stage_of('random-2'), planning.number_of('random-2'), planning.number_of('search')) == (
        'random',
        2,
        1,
    )
    assert planning.trained_as('random-2') == planning.trained_as('known') == 'retrain'


@settings(deadline=None)
@given(PLANNERS, TIMES, st.floats(1.0, 3.0))
def test_what_is_decided_on_the_way_keeps_to_the_time(planner, seconds, slower):
    """Each phase takes `slower` times its estimate: in the end the time is kept as far as epochs can give way."""
    plan = planned(planner, seconds)
    if plan is None:
        return
    spent, decided = {}, {}
    for phase in plan.estimates:
        coming = planning.as_decided(plan.estimates, plan.epochs, decided, ())
        stage = planning.stage_of(phase)
        if stage in STAGES and stage not in decided:
            epochs, missing = planning.reduced(plan.epochs[stage], coming, spent, seconds)
            assert 1 <= epochs <= plan.epochs[stage] and missing >= 0
            if not missing:
                assert epochs == plan.epochs[stage]
            decided[stage] = epochs
            coming = planning.as_decided(plan.estimates, plan.epochs, decided, ())
        spent[phase] = slower * coming[phase]
    assert sum(spent.values()) <= slower * seconds * (1 + 1e-9)
    if slower == 1.0:
        assert decided == plan.epochs


def test_nothing_is_cut_while_time_is_kept_and_much_is_where_it_is_not():
    estimates = {'pretrain': 100.0, 'search': 200.0, 'retrain': 300.0}
    assert planning.reduced(50, estimates, {'pretrain': 100.0}, 600.0) == (50, 0.0)
    epochs, missing = planning.reduced(50, estimates, {'pretrain': 200.0}, 600.0)
    assert epochs == 20 and missing == pytest.approx(600.0)  # twice as slow: 1000 s for what has 400 s
