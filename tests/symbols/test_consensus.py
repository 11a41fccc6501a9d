"""The vote on edges: counts by hand, whole architectures whatever is voted, refusals."""

import json
import random

import pytest

from dsonas.base.errors import UserError
from dsonas.symbols.architecture import Architecture, connected
from dsonas.symbols.consensus import consensus, parse_keep, provenance_of
from dsonas.symbols.space import SearchSpace

SPACE = SearchSpace.cifar10(blocks=(1, 1), levels=2, operations=('sep_conv_3x3', 'max_pool_3x3'))
FULL = SearchSpace.cifar10(share=False, blocks=(2, 1), levels=3)


def made(*edges, branches=('conv_1x1',)):
    return Architecture(SPACE, [edges], [branches])


A, B = 'out<-L1.sep_conv_3x3', 'out<-L1.max_pool_3x3'
VIA, TO = 'L2.sep_conv_3x3<-L1.sep_conv_3x3', 'out<-L2.sep_conv_3x3'


def names(result):
    return [name.split('/')[1] for name in result.architecture.edges(0)]


def test_majority_and_numbers_of_votes():
    three = [made(A, B), made(A, VIA, TO), made(A, B, VIA, TO, branches=('conv_3x3', 'conv_1x1'))]
    result = consensus(three)
    assert (
        set(names(result)) == {A, B, VIA, TO} and result.votes['shared/' + A] == 3 and result.votes['shared/' + B] == 2
    )
    assert names(consensus(three, '3')) == [A] and set(names(consensus(three, '1'))) == {A, B, VIA, TO}
    assert result.architecture.reduction_branches(0) == ('conv_1x1',)
    assert consensus(three, '1').architecture.reduction_branches(0) == ('conv_1x1', 'conv_3x3')


def test_two_of_two_is_a_majority_and_one_is_not():
    assert names(consensus([made(A, B), made(A)])) == [A]


def test_an_edge_that_the_vote_isolates_goes():
    result = consensus([made(A, VIA, TO), made(A, VIA, TO, B), made(A, 'L2.sep_conv_3x3<-in', TO)], '3')
    assert names(result) == [A]  # TO has three votes, and nothing that all agree on feeds it


def test_a_block_that_would_be_empty_takes_the_next_edges():
    result = consensus([made(A), made(B)], '2', {'shared/' + B: 0.9, 'shared/' + A: 0.2})
    assert names(result) == [B] and result.opened == ('shared',)
    assert names(consensus([made(), made(), made(A)])) == []  # most left it empty: that is what they agree on


def test_a_share_of_the_edges():
    drawn = [Architecture.random(FULL, seed, 0.4) for seed in range(5)]
    total = sum(len(group) for group in FULL.edges())
    for share in (5, 20, 40, 80):
        kept = consensus(drawn, f'edges={share}%')
        left = sum(len(kept.architecture.edges(scope)) for scope in FULL.scopes)
        assert abs(left - share / 100 * total) <= 8
        weakest = min(kept.votes[name] for scope in FULL.scopes for name in kept.architecture.edges(scope))
        stronger = [name for name, votes in kept.votes.items() if votes > weakest and name[0] == 'b']
        masks = {scope: [e for e in FULL.block_edges() if f'{scope}/{e.name}' in stronger] for scope in FULL.scopes}
        for scope in FULL.scopes:  # what has more votes is there, where it is connected
            assert {e.name for e in connected(FULL, masks[scope])} <= {
                name.split('/')[1] for name in kept.architecture.edges(scope)
            }


@pytest.mark.parametrize('space', [SPACE, FULL], ids=['share', 'full'])
def test_whatever_is_voted_is_whole(space):
    generator = random.Random(8)
    for _ in range(30):
        voters = [Architecture.random(space, generator.randint(0, 99), 0.5) for _ in range(generator.randint(2, 5))]
        keep = generator.choice(['majority', '1', '2', str(len(voters)), 'edges=3%', 'edges=50%', 'edges=100%'])
        result = consensus(voters, keep)
        for scope in space.scopes:
            if 'edges' not in keep:
                assert not result.architecture.is_identity(scope)
            assert all(result.votes[name] for name in result.architecture.edges(scope)) or 'edges' in keep
        assert all(result.architecture.reduction_branches(place) for place in range(space.num_reductions))
        assert Architecture.from_dict(result.architecture.to_dict()) == result.architecture
        if keep == '1':
            union = {name for a in voters for scope in space.scopes for name in a.edges(scope)}
            assert {name for scope in space.scopes for name in result.architecture.edges(scope)} == union


@pytest.mark.parametrize('text', ['', 'most', '0', '4', '-1', '1.5', 'edges=0%', 'edges=101%', 'edges=30', 'flops=3%'])
def test_other_words_are_refused(text):
    with pytest.raises(UserError) as info:
        parse_keep(text, 3)
    assert 'majority' in str(info.value) and '3 votes' in str(info.value)


def test_one_space_and_two_architectures_at_least():
    other = Architecture.full(SearchSpace.cifar10(blocks=(1, 1), levels=3, operations=SPACE.operations))
    with pytest.raises(UserError) as info:
        consensus([made(A), other])
    assert 'space.levels is 2 in one and 3 in another' in str(info.value)
    with pytest.raises(UserError, match='at least two'):
        consensus([made(A)])


def test_provenance_is_accepted_in_a_file_and_not_part_of_the_architecture(tmp_path):
    path = tmp_path / 'a.json'
    path.write_text(json.dumps(dict(made(A).to_dict(), provenance={'kind': 'consensus'})))
    assert Architecture.load(str(path)) == made(A) and provenance_of(str(path)) == {'kind': 'consensus'}
    path.write_text(json.dumps(dict(made(A).to_dict(), provenance=3)))
    with pytest.raises(UserError, match='a.json: "provenance" is no mapping'):
        Architecture.load(str(path))
    made(A).save(str(path))
    assert provenance_of(str(path)) == {}
