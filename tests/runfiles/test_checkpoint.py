"""Checkpoints: all or nothing, verified, the right ones kept."""

import dataclasses
import os
import pathlib

import numpy as np
import pytest

from dsonas.runfiles.checkpoint import Checkpoint, Checkpoints, read, write

ARRAYS = {'param/0/w': np.arange(6, dtype=np.float32).reshape(2, 3), 'empty': np.zeros(0, np.float32)}


def made(stage, epoch, step=0):
    return Checkpoint(stage, epoch, step, ARRAYS, seed=7, partial={'loss': 0.1 + 0.2}, extra={'pruned': [True, False]})


def test_round_trip(tmp_path):
    path = str(tmp_path / 'a.ckpt')
    write(path, made('search', 3))
    found = read(path)
    assert found.meta == made('search', 3).meta and found.partial == {'loss': 0.1 + 0.2} and found.path == path
    assert sorted(found.arrays) == sorted(ARRAYS)
    assert all(np.array_equal(found.arrays[name], ARRAYS[name]) for name in ARRAYS)
    assert os.listdir(str(tmp_path)) == ['a.ckpt']


@pytest.mark.parametrize('seed', range(20))
def test_any_damage_is_noticed(tmp_path, seed):
    path = str(tmp_path / 'a.ckpt')
    write(path, made('search', 3))
    with open(path, 'rb') as stream:
        content = bytearray(stream.read())
    generator = np.random.RandomState(seed)
    place = generator.randint(len(content))
    if seed % 2:
        content[place] ^= 1 << generator.randint(8)
    else:
        del content[place:]
    with open(path, 'wb') as stream:
        stream.write(content)
    with pytest.raises(ValueError) as info:
        read(path)
    assert path in str(info.value) and '\n' not in str(info.value), 'byte %d of seed %d' % (place, seed)


def test_newest_whole_one_is_used(tmp_path):
    checkpoints = Checkpoints(str(tmp_path), keep=3)
    for epoch in range(1, 4):
        checkpoints.save(made('pretrain', epoch))
    for epoch, damage in ((3, 'truncate'), (2, 'flip')):
        path = checkpoints.path('pretrain', epoch, 0)
        with open(path, 'r+b') as stream:
            if damage == 'truncate':
                stream.truncate(os.path.getsize(path) // 2)
            else:
                stream.seek(200)
                byte = stream.read(1)
                stream.seek(200)
                stream.write(bytes([byte[0] ^ 1]))
    warnings = []
    found = checkpoints.newest(warnings.append)
    assert found.epoch == 1 and found.path == checkpoints.path('pretrain', 1, 0)
    assert len(warnings) == 2 and 'pretrain-0003' in warnings[0] and 'pretrain-0002' in warnings[1]
    os.remove(found.path)
    with pytest.raises(ValueError, match='damaged'):
        checkpoints.newest(warnings.append)
    assert Checkpoints(str(tmp_path / 'none')).newest(warnings.append) is None


def test_what_is_kept(tmp_path):
    checkpoints = Checkpoints(str(tmp_path), keep=2)
    for epoch in range(1, 4):
        checkpoints.save(made('pretrain', epoch))
    for epoch in range(1, 5):
        checkpoints.save(made('retrain', epoch), best=epoch == 2)
    assert sorted(os.listdir(str(tmp_path))) == [
        'best-retrain.ckpt',
        'pretrain-0003-00000.ckpt',
        'retrain-0003-00000.ckpt',
        'retrain-0004-00000.ckpt',
    ]
    assert read(checkpoints.best_path('retrain')).epoch == 2
    checkpoints.save(made('retrain', 1, 7))  # training goes on from an older one: what came after it is void
    assert [(found.epoch, found.step) for found in checkpoints.positions() if found.stage == 'retrain'] == [(1, 7)]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = str(tmp_path / 'a.ckpt')
    write(path, made('search', 1))

    def full(_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError):
        write(path, made('search', 2))
    assert os.listdir(str(tmp_path)) == ['a.ckpt'] and read(path).epoch == 1


@pytest.mark.parametrize('change', [{'stage': 'sleep'}, {'stage': None}])
def test_a_checkpoint_of_something_else(change, tmp_path):
    """Its checksum fits; what is in it is no state of training."""
    path = str(tmp_path / 'a.ckpt')
    write(path, dataclasses.replace(made('search', 1), **change))
    with pytest.raises(ValueError, match='a.ckpt: damaged checkpoint: '):
        read(path)


def test_checkpoints_of_old_runs_are_read():
    folder = pathlib.Path(__file__).resolve().parent.parent / 'old_runs' / '0.1.0' / 'finished' / 'checkpoints'
    checkpoints = Checkpoints(str(folder))
    assert [(found.stage, found.epoch) for found in checkpoints.positions()] == [('search', 6), ('retrain', 2)]
    found = checkpoints.newest(pytest.fail)
    assert (found.stage, found.epoch, found.step, found.epochs) == ('retrain', 2, 0, 3)
    assert found.counts['weights']['num_update'] > 0 and found.arrays and found.best['retrain']['epoch'] == 2
