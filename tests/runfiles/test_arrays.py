"""Archives of arrays: whatever happened to the file, one line that names it."""

import os

import numpy as np
import pytest

from dsonas.base.errors import UserError
from dsonas.runfiles.arrays import read_arrays, write_arrays


def test_round_trip(tmp_path):
    path = str(tmp_path / 'a.npz')
    write_arrays(path, one=np.arange(3), two=np.array(['ä', 'b']))
    arrays = read_arrays(path, ('one',), ('two', 'three'))
    assert arrays['one'].tolist() == [0, 1, 2] and arrays['two'].tolist() == ['ä', 'b'] and len(arrays) == 2
    assert os.listdir(str(tmp_path)) == ['a.npz']
    with pytest.raises(FileNotFoundError):
        read_arrays(str(tmp_path / 'none.npz'), ())


@pytest.mark.parametrize('seed', range(60))
def test_damage_is_never_another_error(seed, tmp_path):
    """Bits flipped or bytes cut anywhere: read as it was, or a UserError."""
    print('seed', seed)
    path = tmp_path / 'a.npz'
    write_arrays(str(path), one=np.arange(30), two=np.array(['a', 'b']))
    content, generator = bytearray(path.read_bytes()), np.random.RandomState(seed)
    place = generator.randint(len(content))
    if seed % 3:
        content[place] ^= 1 << generator.randint(8)
    else:
        del content[place:]
    path.write_bytes(content)
    try:
        arrays = read_arrays(str(path), ('one', 'two'))
    except UserError as error:
        assert str(error).startswith(str(path)) and '\n' not in str(error)
    else:
        assert seed % 3 and arrays['one'].tolist() == list(range(30)) and arrays['two'].tolist() == ['a', 'b']


@pytest.mark.parametrize('content', [b'', b'PK', b'\x93NUMPY\x01\x00', b'stage,epoch\n'])
def test_what_is_no_archive(content, tmp_path):
    (tmp_path / 'a.npz').write_bytes(content)
    with pytest.raises(UserError, match='a.npz: not a readable .npz archive'):
        read_arrays(str(tmp_path / 'a.npz'), ('one',))


def test_objects_are_not_unpickled(tmp_path):
    np.savez(str(tmp_path / 'a.npz'), one=np.array([{}], dtype=object))
    with pytest.raises(UserError, match="a.npz: array one: the type '.O'; accepted are numbers and text"):
        read_arrays(str(tmp_path / 'a.npz'), ('one',))
