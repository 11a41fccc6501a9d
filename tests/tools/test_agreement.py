"""Agreement of searches: chance by formula and by enumeration, what groups explain, runs that are compared."""

import itertools
import json
import random

import numpy as np
import pytest

from dsonas.symbols.architecture import Architecture, connected
from dsonas.symbols.space import SearchSpace
from dsonas.tools import compare as script
from dsonas.tools.reading import runs
from dsonas.tools.tables import agreement
from dsonas.tools.tables.agreement import edges_of, lines, operations_of, overlap, within_groups
from dsonas.tools.tables.comparison import agreements, compare, text, unequal_sizes
from dsonas.tools.tables.differences import by_architecture

from .runmaker import make_run

SPACE = SearchSpace.cifar10(blocks=(1,), levels=3)


def test_overlap_against_enumeration():
    one, other = frozenset(range(3)), frozenset({0, 1, 7, 8})
    found = overlap(one, other, 9)
    shared = [len(one & set(drawn)) for drawn in itertools.combinations(range(9), 4)]
    assert found['shared'] == 2 and found['expected'] == pytest.approx(np.mean(shared))
    assert found['p'] == pytest.approx(np.mean(np.array(shared) >= 2)) and found['jaccard'] == 2 / 5
    assert overlap(frozenset(), frozenset(), 9)['p'] == 1 and overlap(frozenset(), frozenset(), 9)['jaccard'] == 1


def test_within_groups_against_draws():
    generator = random.Random(2)
    one, other = (
        agreement.random_edges(SPACE, edges_of(Architecture.random(SPACE, s, 0.5)), generator) for s in (1, 2)
    )
    found = within_groups(SPACE, one, other)
    operations = operations_of(one) & operations_of(other)
    groups = {}
    for edge in SPACE.block_edges():
        if edge.source.level == 0 or ('shared', edge.source) in operations:
            groups.setdefault(edge.target, []).append(('shared', edge))
    totals = np.zeros(4000)
    for members in groups.values():
        first, second = one & set(members), other & set(members)
        if first and second:
            for place in range(len(totals)):
                totals[place] += len(first & set(generator.sample(members, len(second))))
    assert found['expected'] == pytest.approx(totals.mean(), abs=0.1)
    assert found['p'] == pytest.approx((totals >= found['shared']).mean(), abs=0.03)
    same = within_groups(SPACE, one, one)
    assert same['shared'] == len(one) and same['p'] < 0.01
    assert within_groups(SPACE, frozenset(), one) == {'groups': 0, 'shared': 0, 'expected': 0, 'p': None}


def test_draws_keep_what_they_promise():
    generator = random.Random(3)
    space = SearchSpace.cifar10(share=False, blocks=(1, 1), levels=3)
    like = edges_of(Architecture.random(space, 4, 0.3))
    for _ in range(10):
        drawn = agreement.random_edges(space, like, generator)
        mixed = agreement.shuffled(space, like, generator)
        for scope in space.scopes:
            block = [edge for name, edge in drawn if name == scope]
            assert set(connected(space, block)) == set(block)
            assert len(block) == sum(name == scope for name, _ in like)
        assert [sum(edge.target == t for _, edge in mixed) for t in space.nodes()] == [
            sum(edge.target == t for _, edge in like) for t in space.nodes()
        ]
        assert operations_of(mixed) <= operations_of(like)


def group_collapse(seed):
    """A search in which the same operations survive always, and the edges within their groups by chance."""
    generator = random.Random(seed)
    alive = ['L1.sep_conv_3x3', 'L1.max_pool_3x3', 'L2.sep_conv_3x3', 'L2.avg_pool_3x3', 'L3.sep_conv_5x5']
    names = [edge.name for edge in SPACE.block_edges()]
    kept = [f'out<-{name}' for name in alive]
    for target in alive[2:]:
        sources = [name for name in names if name.startswith(target) and name.split('<-')[1] in ['in', *alive]]
        kept += generator.sample(sources, 2)
    return Architecture(SPACE, [kept])


def test_what_repeats_is_which_groups_collapse():
    result = agreement.agreement({f's{seed}': group_collapse(seed) for seed in range(4)}, draws=100)
    whole = result['all']
    assert whole['random']['p'] <= 0.02 and whole['within_groups']['p'] > 0.05
    assert whole['expected'] < whole['random']['expected'] + 1 < whole['shared']
    assert 'not on the edges within them' in '\n'.join(lines(result))
    assert len(result['pairs']) == 6 and json.dumps(result)


def test_equal_searches_agree_beyond_groups_and_random_ones_do_not():
    one = Architecture.random(SPACE, 1, 0.4)
    same = agreement.agreement({'a': one, 'b': one}, draws=50)
    assert same['all']['jaccard'] == 1 and same['all']['random']['p'] == pytest.approx(1 / 51)
    assert 'beyond which operations and groups survive' in lines(same)[3]
    ps = []
    for seed in range(12):
        two = {name: Architecture.random(SPACE, 2 * seed + place + 10, 0.3) for place, name in enumerate('ab')}
        ps.append(agreement.agreement(two, draws=30)['all']['random']['p'])
    assert np.mean(np.array(ps) < 0.1) < 0.5  # not told from chance, most of the time


def test_runs_of_one_search_are_grouped(tmp_path):
    for seed in (0, 1, 2):
        make_run(tmp_path / f's{seed}', seed=seed)
    make_run(tmp_path / 'again', seed=2)
    make_run(tmp_path / 'other', seed=3, search__gamma=0.5)
    found = runs.read_all([str(tmp_path)])
    (result,) = agreements(found, 20)
    assert len(result['runs']) == 3 and len(result['same_seed']) == 1
    told = text(compare(found, 20))
    assert 'agreement of 3 searches' in told and 'left out, since another search here has their seed' in told
    assert 'nothing here says it without random networks' in told
    assert compare(found, 0)['agreement'] == []


def test_several_trainings_of_one_architecture_count_once(tmp_path):
    one, two = Architecture.random(SPACE, 1), Architecture.random(SPACE, 2)
    made = [
        runs.Run(f'r{place}', summary={'kind': 'searched', 'test_error': error}, architecture=known)
        for place, (known, error) in enumerate([(one, 4.0), (two, 9.0), (one, 6.0), (None, 1.0), (None, 3.0)])
    ]
    assert by_architecture(made) == [5.0, 9.0, 1.0, 3.0]


def test_unequal_sizes_are_told(tmp_path):
    def of(params, flops=100):
        return [runs.Run('r', summary={'params': params, 'flops': flops})]

    assert unequal_sizes(of(1019), of(1000)) == [] and unequal_sizes(of(1021), of(1000)) == ['+2.1% parameters']
    assert unequal_sizes(of(1000, 90), of(1000, 100)) == ['-10.0% FLOPs'] and unequal_sizes([], of(1)) == []


def test_the_command(tmp_path, capsys):
    for seed in (0, 1):
        make_run(tmp_path / f's{seed}', seed=seed, error=4 + seed)
        make_run(tmp_path / f'r{seed}', kind='random', seed=seed, error=6 + seed)
    assert script.main([str(tmp_path), '--draws', '10', '--json']) == 0
    result = json.loads(capsys.readouterr().out)
    assert result['agreement'][0]['draws'] == 10 and result['agreement'][0]['all']['random']['p'] >= 1 / 11
    entry = result['against']['random']
    assert entry['difference'] == pytest.approx(-2) and 'too few to tell' in entry['notes'][-1]
    assert script.main([str(tmp_path), '--draws', '10']) == 0
    told = capsys.readouterr().out
    assert 'whether what they agree on is worth anything: searched networks are not told apart from random' in told
