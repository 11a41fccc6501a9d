"""Keys of a configuration as fields of dataclasses, and enumerations of names."""

import dataclasses
import json
from typing import Tuple

import pytest

from dsonas.base import keys
from dsonas.base.errors import UserError
from dsonas.base.names import Name


@dataclasses.dataclass(frozen=True)
class Inner:
    size: int = keys.key(3, 'how large', low=1)
    shares: Tuple[float, ...] = keys.key((), 'shares', low=0, below=1)
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Outer(Inner):
    kind: str = keys.key('a', 'which', ('a', 'b'))


def test_a_group_has_its_own_keys_first_and_those_alone_that_are_described():
    described = dict(keys.keys(Outer))
    assert list(described) == ['kind', 'size', 'shares']
    assert (described['size'].default, described['size'].type, described['size'].help) == (3, int, 'how large')


@pytest.mark.parametrize(
    'name, text, value', [('size', '4', 4), ('size', 4.0, 4), ('shares', '[0, 0.5]', (0.0, 0.5)), ('kind', 'b', 'b')]
)
def test_values_are_brought_into_their_type(name, text, value):
    key = dict(keys.keys(Outer))[name]
    assert key.cast(text) == value and key.cast(keys.show(value)) == value


@pytest.mark.parametrize(
    'changes, words',
    [
        ({'size': 0}, 'x.size=0: expected a whole number of at least 1'),
        ({'shares': (0.5, 1.0)}, r'x.shares=\[0.5,1.0\]: expected a list, each a number of at least 0 and below 1'),
        ({'kind': 'c'}, 'x.kind=c: expected one of a, b'),
    ],
)
def test_what_is_out_of_bounds_is_refused(changes, words):
    keys.check(Outer(), 'x.')
    with pytest.raises(UserError, match=words):
        keys.check(Outer(**changes), 'x.')


def test_a_name_is_its_text():
    class Colour(Name):
        RED = 'red'

    assert Colour.RED == 'red' and {Colour.RED: 1}['red'] == 1 and {'red': 1}[Colour.RED] == 1
    assert f'{Colour.RED}' == '%s' % Colour.RED == str(Colour.RED) == 'red' and Colour('red') is Colour.RED
    assert json.dumps({Colour.RED: Colour.RED}) == '{"red": "red"}'
