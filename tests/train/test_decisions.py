"""How a search decides: numbers by group against loops, decided steps, columns of the log, warnings, the exact resume."""

import math

import numpy as np
import pytest

from dsonas.runfiles.gates import decided, decided_steps, read_gates
from dsonas.runfiles.log import SPREAD, read_log
from dsonas.runfiles.summary import read_summary
from dsonas.symbols.space import SearchSpace
from dsonas.train.runtime.stops import Stopped
from dsonas.train.searching import pipeline
from dsonas.train.searching.decisions import Decisions, Groups
from dsonas.train.searching.spread import Spread

from .test_devices import SPACE
from .test_pruning import searching

BOTH = [SPACE, SearchSpace.cifar10(share=False, channels=4, blocks=(1, 1), levels=3, first_level_gates=True)]


def members(space):
    """[(kind, places of λ)] of each group, from the names of the edges."""
    flat = [name for names in space.gate_names() for name in names]
    groups = {}
    for place, name in enumerate(flat):
        groups.setdefault(name.split('<-')[0], []).append(place)
    kinds = {'r': 'reductions'}
    return [
        (kinds.get(target[0], 'outputs' if target.endswith('/out') else 'operations'), places)
        for target, places in groups.items()
    ]


@pytest.mark.parametrize('space', BOTH, ids=['share', 'full'])
def test_numbers_of_groups_against_loops(space):
    groups, rng = Groups(space), np.random.RandomState(4)
    before = rng.rand(len(groups.ids)) * rng.randint(0, 2, len(groups.ids))
    after = before + rng.randn(len(before)) * 0.2
    wanted = {}
    for kind, places in members(space):
        lam, values = before[places], {}
        if lam.any():
            values['variation'] = np.std(lam) / np.mean(lam)
            values['drift'] = np.linalg.norm(after[places] - lam) / np.linalg.norm(lam)
            if len(lam) > 1:
                share = lam[lam > 0] / lam.sum()
                values['entropy'] = -sum(p * math.log(p) for p in share) / math.log(len(lam))
        for name, value in values.items():
            wanted.setdefault(f'{name}_{kind}', []).append(value)
    numbers = {
        **groups.by_kind('variation', groups.variation(before)),
        **groups.by_kind('entropy', groups.entropy(before)),
        **groups.by_kind('drift', groups.steps(before, after)),
    }
    assert numbers == pytest.approx({name: np.mean(values) for name, values in wanted.items()})
    assert set(numbers) <= set(SPREAD)


def test_bounds_of_the_numbers():
    groups = Groups(SPACE)
    ones = np.ones(len(groups.ids))
    assert groups.variation(ones) == pytest.approx(0) and groups.entropy(ones) == pytest.approx(1)
    one_left = np.zeros(len(ones))
    one_left[[np.flatnonzero(groups.ids == group)[0] for group in range(len(groups.kinds))]] = 0.3
    assert groups.variation(one_left) == pytest.approx(np.sqrt(groups.sizes - 1))
    assert groups.entropy(one_left) == pytest.approx(0)
    assert np.isnan(groups.variation(0 * ones)).all() and groups.by_kind('x', groups.entropy(0 * ones)) == {}
    assert groups.variation(5 * one_left) == pytest.approx(groups.variation(one_left))  # the common scale says nothing


def test_jumps_are_of_more_than_their_own_size():
    groups = Groups(SPACE)
    before = np.full(len(groups.ids), 0.5)
    after = before.copy()
    after[:5] = [0.99, 1.01, 0.0, -0.01, 0.5]
    assert groups.jumps(before, after) == 2  # 1.01 and the one that crossed zero by more than its size
    before[6], after[6] = 1e-6, 1e-3  # next to nothing beside the others of its group
    before[7], after[7] = 0, 1  # came back
    assert groups.jumps(before, after) == 2


def test_decisions_over_steps():
    decisions = Decisions(Groups(SPACE))
    size, decisions.total = len(decisions.zero), 100
    lam = np.ones(size)
    for step, changes in ((5, {0: 0, 1: 0}), (10, {2: 0}), (20, {0: 1, 3: 0}), (60, {1: 0, 0: 0})):
        decisions.step = step
        for place, value in changes.items():
            lam[place] = value
        decisions.see([lam])
    assert decisions.decided[:5].tolist() == [60, 5, 10, 20, -1]
    assert decisions.early(0.1) == 2 and decisions.early(0.05) == 1
    again = Decisions(decisions.groups)
    again.restore(decisions.state())
    assert again.decided.tolist() == decisions.decided.tolist()
    groups = {decisions.groups.ids[place] for place in (0, 1, 2, 3)}
    decisions.step = 69
    settled = groups - {decisions.groups.ids[0]}  # λ 0 went at step 60
    assert decisions.groups_decided(0.1) == pytest.approx(len(settled) / len(decisions.groups.kinds))
    decisions.step = 70
    assert decisions.groups_decided(0.1) == pytest.approx(len(groups) / len(decisions.groups.kinds))


def spread_of(steps=100, **changes):
    pruner = searching(**changes)
    spread = Spread(pruner, pruner.search)
    spread.before = spread.decisions.see(pruner.values())
    spread.decisions.total = steps
    return spread


def set_flat(pruner, lam):
    start = 0
    for gate in pruner.learner.gates:
        gate.set_data(lam[start : start + gate.shape[0]].astype(np.float32))
        start += gate.shape[0]


def test_the_warning_that_edges_were_decided_early():
    spread = spread_of(gamma=0.03)
    lam = np.ones(len(spread.before))
    lam[: len(lam) // 3] = 0
    spread.decisions.step = 10
    set_flat(spread.pruner, lam)
    spread.columns_of_epoch()
    (warning,) = spread.warnings(1, False)
    assert f'{len(lam) // 3} of {len(lam)} edges were decided in the first tenth of the search' in warning
    assert all(word in warning for word in ('search.normalise=always', 'search.gate_lr', '--target', 'pretrain.epochs'))
    assert spread.warnings(2, True) == []  # said once
    late = spread_of(gamma=0.03)
    late.decisions.step = 11
    set_flat(late.pruner, lam)
    late.columns_of_epoch()
    assert late.warnings(1, False) == []
    told = {'early': 0, 'removed': len(lam) // 3, 'groups_decided': 0.0, 'half_within': 0.0, 'jumps': 0}
    assert late.summary() == told


def test_the_warning_that_groups_collapsed_together():
    size = len(spread_of().before)
    for apart, told in ((1, True), (20, False)):
        spread = spread_of()
        lam = np.ones(size)
        for number in range(size // 2):
            lam[number] = 0
            spread.decisions.step = 40 + apart * number
            set_flat(spread.pruner, lam)
            spread.decisions.see(spread.pruner.values())
        spread.decisions.total = spread.decisions.step + 60
        spread.columns_of_epoch()
        assert spread.warnings(1, False) == []
        warnings = spread.warnings(2, True)
        assert len(warnings) == told and all('groups of λ collapsed together' in warning for warning in warnings)


def test_the_narrowest_half_against_a_loop():
    rng = np.random.RandomState(6)
    for _ in range(20):
        decisions = Decisions(Groups(SPACE))
        decisions.total, decisions.zero[:] = 100, rng.rand(len(decisions.zero)) < 0.7
        decisions.changed = rng.randint(0, 100, len(decisions.zero))
        steps = decisions.changed[decisions.zero]
        widths = [
            end - begin
            for begin in steps
            for end in steps
            if 2 * ((begin <= steps) & (steps <= end)).sum() >= len(steps)
        ]
        assert decisions.narrowest() == (min(widths) / 100 if len(steps) > 1 else None)


def test_the_warning_of_jumps_comes_after_the_first_third_alone_and_names_no_remedy_in_force():
    for step, told in ((33, False), (34, True)):
        spread = spread_of(normalise='always')
        spread.decisions.step = step
        set_flat(spread.pruner, np.where(np.arange(len(spread.before)) < 4, 2.5, 1.0))
        assert spread.columns_of_epoch()['jumps'] == 4
        warnings = spread.warnings(3, False)
        assert len(warnings) == told
        if told:
            assert 'λ jump: 4 λ changed by more than their own size in search epoch 3' in warnings[0]
            assert 'normalise' not in warnings[0] and 'gate_lr' in warnings[0]


def test_log_history_and_summary_of_a_run(tiny):
    config = tiny(search__gamma=0.45)
    run = pipeline.search(config, ('pretrain', 'search'))
    rows = read_log(f'{run}/log.csv')
    assert all(rows[0][name] is None for name in SPREAD)
    for row in rows[1:]:
        assert row['entropy_operations'] is None or 0 <= row['entropy_operations'] <= 1  # None: no operation has λ left
        assert row['drift_outputs'] > 0 and (row['edges'] < 4 or row['gate_step'] > 0)
        assert 0 <= row['groups_decided'] <= 1 and row['jumps'] >= 0
    history = read_gates(f'{run}/lambda.npz')
    assert history.steps.tolist() == [0, 3, 6, 9]
    epochs, steps = decided(history), decided_steps(history)
    assert any(step is not None for step in steps.values())
    for name, step in steps.items():
        assert (step is None) == (epochs[name] is None)
        assert step is None or 3 * (epochs[name] - 1) < step <= 3 * epochs[name]
    told = read_summary(f'{run}/summary.json')['search']['diagnosis']
    assert told['removed'] == sum(step is not None for step in steps.values())


def test_a_resumed_search_has_the_same_columns_and_history(tiny, monkeypatch):
    whole = pipeline.search(tiny('whole', search__gamma=0.45), ('pretrain', 'search'))
    config = tiny('stopped', search__gamma=0.45, train__checkpoint_minutes=0.0)
    seen = []
    original = Spread.step_ends

    def stopping(self, course):
        original(self, course)
        seen.append(course)
        if len(seen) == 9:  # within the second epoch
            course.run.interrupt.signal = 15

    monkeypatch.setattr(Spread, 'step_ends', stopping)
    with pytest.raises(Stopped):
        pipeline.search(config, ('pretrain', 'search'))
    monkeypatch.setattr(Spread, 'step_ends', original)
    pipeline.search(config, ('pretrain', 'search'), resume=True)
    rows = [[row[name] for name in SPREAD] for row in read_log(f'{whole}/log.csv')]
    assert rows == [[row[name] for name in SPREAD] for row in read_log(f'{config.run}/log.csv')]
    one, other = (read_gates(f'{run}/lambda.npz') for run in (whole, config.run))
    assert np.array_equal(one.steps, other.steps) and np.array_equal(one.decided, other.decided)
    assert (
        read_summary(f'{whole}/summary.json')['search']['diagnosis']
        == (read_summary(f'{config.run}/summary.json')['search']['diagnosis'])
    )
