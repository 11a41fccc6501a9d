"""Numbers on command lines: what is no finite number within bounds is refused in one line that names the flag."""

import pathlib
import re

import pytest

from dsonas.base import argtypes, cli, limits
from dsonas.base.errors import UserError

ROOT = pathlib.Path(__file__).resolve().parents[2]
NO_NUMBERS = ['', ' ', 'inf', '-inf', 'nan', '1e400', '²', '٣', '1_000', '0x10', 'one', '1;5', '--', '9' * 101, '1\n2']


@pytest.mark.parametrize('text', NO_NUMBERS)
def test_what_is_no_number_is_refused(text):
    for read in (argtypes.parse_number, argtypes.parse_whole):
        with pytest.raises(ValueError):
            read(text)


@pytest.mark.parametrize('text, number', [('3', 3), ('-1', -1), (' 0.5 ', 0.5), ('.5', 0.5), ('1e-4', 1e-4), ('+2', 2)])
def test_numbers_are_read(text, number):
    assert argtypes.parse_number(text) == number


@pytest.mark.parametrize('text, number', [('3', 3), ('3.0', 3), ('1e3', 1000), ('9' * 40, int('9' * 40))])
def test_whole_numbers_are_read_exactly(text, number):
    assert argtypes.parse_whole(text) == number


@pytest.mark.parametrize(
    'kind, accepted, refused',
    [
        (argtypes.PORT, {'0': 0, '65535': 65535}, ['-1', '65536', '1.5']),
        (argtypes.SHARE, {'0': 0, '1': 1}, ['-0.1', '1.1']),
        (argtypes.INNER_SHARE, {'0.5': 0.5}, ['0', '1']),
        (argtypes.SECONDS, {'0.5': 0.5}, ['0', '-1', '1e30']),
        (argtypes.IMAGE_SIZE, {'8': 8, '224': 224}, ['0', '7', '1e30']),
        (argtypes.BLOCKS, {'8,8,8': (8, 8, 8), '1': (1,)}, ['', '8,,8', '8,a', '0', '65', '1,' * 8 + '1', '8;8']),
        (argtypes.number(low=0.5, below=2), {'0.5': 0.5}, ['2', '0.4']),
    ],
)
def test_types_of_flags(kind, accepted, refused):
    parser = cli.parser('A command.')
    parser.add_argument('--flag', type=kind)
    for text, value in accepted.items():
        assert parser.parse_args([f'--flag={text}']).flag == value
    for text in refused + NO_NUMBERS:
        with pytest.raises(UserError, match='--flag') as info:
            parser.parse_args([f'--flag={text}'])
        assert len(str(info.value)) < 400


def test_what_is_accepted_is_said_in_plain_numbers():
    assert argtypes.between('a whole number', 1, 1_000_000) == 'a whole number from 1 to 1000000'
    assert argtypes.between('a number', 0, below=1) == 'a number of at least 0 and below 1'
    assert argtypes.between('a number', above=0) == 'a number above 0'
    assert argtypes.between('text') == 'text'


def test_no_command_reads_numbers_otherwise():
    """Python's own int and float take 1_000, ², inf and numbers without end."""
    paths = [path for folder in ('base', 'train', 'tools', 'runfiles') for path in (ROOT / folder).glob('**/*.py')]
    assert len(paths) > 50
    assert not [str(path) for path in paths if re.search(r'(?<!d)type=(int|float)\b', path.read_text(encoding='utf-8'))]


def test_limits_leave_room_for_the_paper():
    assert limits.BLOCKS >= 13 and limits.CHANNELS >= 48 and limits.EPOCHS >= 630 and limits.CLASSES >= 21_841
