"""UserError: the texts that it makes of its parts, and that it survives the way from another process."""

import pickle

import pytest

from dsonas.base.errors import EndOfRun, UserError


@pytest.mark.parametrize(
    'error, text',
    [
        (UserError('--keep 2: expected a share'), '--keep 2: expected a share'),
        (
            UserError('keep', value=2, accepted='a share from 0 to 1', path='c.yaml'),
            'c.yaml: keep: 2 is not a share from 0 to 1',
        ),
        (UserError('keep', value=None), 'keep: None'),
        (UserError('keep', accepted='a share'), 'keep: expected a share'),
        (UserError('damaged', path='a/b.json'), 'a/b.json: damaged'),
    ],
)
def test_text(error, text):
    assert str(error) == text and isinstance(error, ValueError)


def test_parts_and_pickle():
    error = pickle.loads(pickle.dumps(UserError('keep', value=2, accepted='a share', path='c.yaml')))
    assert (type(error), str(error)) == (UserError, 'c.yaml: keep: 2 is not a share')
    assert (error.value, error.accepted, error.path) == (2, 'a share', 'c.yaml')


def test_the_end_of_a_run_is_no_mistake():
    assert not issubclass(EndOfRun, ValueError) and EndOfRun.status == 1
