"""Fields of a document are what they are said to be, or one line names the file, the field and what is accepted."""

import math

import pytest

from dsonas.base import fields
from dsonas.base.errors import UserError

FIELDS = {
    'seed': fields.WHOLE,
    'error': fields.PERCENT,
    'widths': fields.list_of(fields.whole(1, 9), 1, 3),
    'kind': fields.one_of('a', 'b'),
    'inner': fields.mapping({'epochs': fields.COUNT, 'settled': fields.FLAG, 'share': fields.SHARE}),
    'name': fields.TEXT,
    'seconds': fields.AMOUNT,
    'loss': fields.NUMBER,
}
GOOD = {
    'seed': -3, 'error': 100, 'widths': [1, 9], 'kind': 'b', 'inner': {'epochs': 0, 'settled': False, 'own': 'x'}, 'name': '',
    'seconds': 0.0, 'loss': -1e300, 'later': [None],
}  # fmt: skip


def test_what_is_accepted():
    fields.check_fields(GOOD, FIELDS, 'x')
    fields.check_fields({name: None for name in FIELDS}, FIELDS, 'x')
    fields.check_fields({}, FIELDS, 'x')


@pytest.mark.parametrize(
    'key, values',
    [
        ('seed', [1.0, True, 2**63, '1', [], {}]),
        ('error', [-0.1, 100.1, math.nan, math.inf, False, '3']),
        ('widths', [[], [0], [10], [1, 1, 1, 1], [1.0], [True], 'ab', {'a': 1}]),
        ('kind', ['c', '', 1, ['a']]),
        ('inner', [[], 'x', 3]),
        ('name', [3, [], 'x' * 200_000]),
        ('seconds', [-1, math.inf, '1']),
        ('loss', [math.nan, [1]]),
    ],
)
def test_what_is_not(key, values):
    for value in values:
        with pytest.raises(UserError, match=f'^x.json: {key} is .*; accepted is ') as info:
            fields.check_fields({**GOOD, key: value}, FIELDS, 'x.json')
        assert len(str(info.value)) < 300


def test_where_it_is():
    with pytest.raises(UserError, match=r'x: inner.share is 2; accepted is a share'):
        fields.check_fields({'inner': {'share': 2}}, FIELDS, 'x')
    with pytest.raises(UserError, match='x: seed is None; accepted is a whole number'):
        fields.check_fields({}, FIELDS, 'x', needed=('seed',))
    for content in (None, [], 'x', 3):
        with pytest.raises(UserError, match='^x: holds no mapping of names to values'):
            fields.check_fields(content, FIELDS, 'x')
