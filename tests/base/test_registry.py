"""A registry's names, refusals, and entries that go again."""

import pytest

from dsonas.base.errors import UserError
from dsonas.base.registry import Registry


def made():
    registry = Registry('fruit')
    registry.register('pear', 1)
    registry.register('apple', 2)
    return registry


def test_entries_in_their_order():
    registry = made()

    @registry.register('plum')
    def plum():
        return 3

    assert registry['plum'] is plum and plum() == 3 and registry.get('apple') == 2
    assert registry.names() == list(registry) == ['pear', 'apple', 'plum'] and len(registry) == 3
    assert list(registry.items())[:2] == [('pear', 1), ('apple', 2)] and list(registry.values())[0] == 1
    assert 'pear' in registry and 'nut' not in registry and ['pear'] not in registry
    assert repr(registry) == "Registry('fruit': pear, apple, plum)"


@pytest.mark.parametrize(
    'name, words',
    [
        ('nut', "unknown fruit 'nut'; known: pear, apple"),
        ('aple', 'did you mean apple'),
        (None, 'unknown fruit None'),
        (['pear'], 'unknown fruit'),
    ],
)
def test_unknown_names(name, words):
    with pytest.raises(UserError, match=words):
        made().get(name)


@pytest.mark.parametrize(
    'name, words', [('pear', "fruit 'pear' is registered already"), ('a b', 'letters, digits'), ('', 'letters')]
)
def test_refused_names(name, words):
    registry = made()
    with pytest.raises(UserError, match=words):
        registry.register(name, 3)
    assert dict(registry.items()) == {'pear': 1, 'apple': 2}


def test_what_is_added_for_a_while_goes():
    registry = made()
    with pytest.raises(ZeroDivisionError), registry.restored():
        registry.register('plum', 3)
        assert 'plum' in registry
        raise ZeroDivisionError
    assert registry.names() == ['pear', 'apple']


def test_an_entry_is_replaced_in_its_place():
    registry = made()
    registry.replace('pear', 5)
    assert registry['pear'] == 5 and registry.names() == ['pear', 'apple']
    with pytest.raises(UserError, match='unknown fruit'):
        registry.replace('plum', 1)
