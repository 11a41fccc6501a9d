"""What spaces, architectures, networks and costs say of themselves: all blocks, counts that add up, whatever is left."""

import re

import pytest

from dsonas.base import pictures
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.budget import fit_widths
from dsonas.symbols.cost import cost
from dsonas.symbols.network import Network
from dsonas.symbols.space import SearchSpace
from dsonas.symbols.supernet import Supernet

SPACES = {
    'share': SearchSpace.cifar10(channels=8, blocks=(2, 1)),
    'full': SearchSpace.cifar10(share=False, channels=8, blocks=(2, 1)),
    'imagenet': SearchSpace.imagenet(share=False, channels=4, classes=7, blocks=(1, 2, 1, 1)),
    'one stage, bare': SearchSpace(blocks=(2,), levels=1, searchable_reduction=False),
}
space = pytest.mark.parametrize('space', SPACES.values(), ids=SPACES)


def wide(monkeypatch):
    monkeypatch.setattr('dsonas.symbols.describing.WIDTH', 10**6)


def emptied(space):
    """The architecture of which the first set of λ keeps nothing."""
    full = Architecture.full(space)
    return Architecture(space, [()] + [full.edges(scope) for scope in space.scopes[1:]])


@space
def test_a_space_is_printed_and_its_repr_gives_it_back(space):
    assert eval(repr(space), {'SearchSpace': SearchSpace}) == space
    text, page = str(space), space._repr_html_()
    assert str(sum(map(len, space.gate_names()))) in text and space.operations[-1] in text
    assert page.count('<tr>') == len(text.splitlines()) - 1 and max(map(len, text.splitlines())) <= 100


@space
@pytest.mark.parametrize('make', [Architecture.full, emptied], ids=['full', 'emptied'])
def test_a_network_lists_all_its_parts_in_order(space, make, monkeypatch):
    wide(monkeypatch)
    architecture = make(space)
    parts = [block.name for block in cost(architecture).blocks]
    for net, head in ((Network(architecture), 'Network of '), (Supernet(space, architecture), 'Supernet of ')):
        lines = str(net).splitlines()
        assert lines[0] == head + repr(architecture)
        names = [line.split()[0] for line in lines[1:]]
        assert names[int(space.share) :] == parts and (names[0] == 'every') == space.share
        assert ('the input passes through' in str(net)) == (make is emptied)
        assert f'dense {space.widths()[-1]} -> {space.classes} classes' in lines[-1]


@space
def test_the_lines_of_an_architecture_name_what_it_keeps(space, monkeypatch):
    wide(monkeypatch)
    architecture = Architecture.random(space, seed=4, keep=0.6)
    lines = str(architecture).splitlines()
    assert lines[0] == repr(architecture) and f'{architecture.num_edges} of ' in lines[0]
    assert [line.split()[0] for line in lines[1:]] == [*space.scopes, *space.reduction_scopes]
    for scope, line in zip(space.scopes, lines[1:]):
        found = [
            f'{level.split()[0]}.{name}' for level in line.split('edges: ')[1].split('; ') for name in level.split()[1:]
        ]
        assert tuple(found) == architecture.operations(scope)
        assert int(re.search(r'(\d+) edges', line).group(1)) == len(architecture.edges(scope))


def test_a_network_says_what_it_was_built_with():
    architecture = Architecture.full(SPACES['share'])
    assert str(Network(architecture, (6, 10), auxiliary=True, dropout=0.1)).endswith('with an auxiliary tower, dropout')
    assert '6 -> 10 channels' in str(Network(architecture, (6, 10))) and 'with' not in str(Network(architecture))


@space
def test_the_rows_of_a_cost_add_up(space):
    found = cost(Architecture.full(space))
    *parts, whole = found.table()
    for count in ('params', 'flops', 'mac'):
        assert sum(row[count] for row in parts) == whole[count] == getattr(found, count)
    assert [row['part'] for row in parts] == [block.name for block in found.blocks]
    lines = str(found).splitlines()
    assert len(lines) == 2 + len(parts) and found._repr_html_().count('<tr>') == len(lines)
    assert '\n' not in repr(found) and len(repr(found)) < 120


def test_fitted_widths_show_budget_and_cost():
    found = fit_widths(Architecture.full(SPACES['share']), 'params=30k', multiple=1)
    assert repr(found).startswith('Fit(channels ') and '30 k' in repr(found) and '\n' not in repr(found)
    assert str(found).endswith(str(found.cost)) and found.cost._repr_html_() in found._repr_html_()
    assert 'not of 16' in str(fit_widths(Architecture.full(SPACES['share']), 'params=9k', multiple=16))


def test_without_what_draws_there_is_no_picture():
    with pictures.RENDERERS.restored() as kinds:
        kinds._entries.clear()
        assert Architecture.full(SPACES['share'])._repr_html_() is None
