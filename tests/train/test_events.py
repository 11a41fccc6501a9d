"""TensorBoard's events, read back: numbers of epochs and steps, λ, settings; and what is said where its package is missing."""

import glob
import os
import struct
import sys

import numpy as np
import pytest

from dsonas.base.errors import UserError
from dsonas.runfiles.log import read_log
from dsonas.train.runtime.events import Events
from dsonas.train.searching import pipeline
from dsonas.train.searching.board import FREE, GONE, SIDE, picture

proto = pytest.importorskip('tensorboardX.proto.event_pb2')


def values(folder):
    """Every value of the event files in a folder: (tag, step, value)."""
    for path in sorted(glob.glob(os.path.join(folder, '*tfevents*'))):
        with open(path, 'rb') as file:
            content = file.read()
        at = 0
        while at < len(content):
            (size,) = struct.unpack_from('<Q', content, at)
            event = proto.Event()
            event.ParseFromString(content[at + 12 : at + 12 + size])
            at += 16 + size
            yield from ((value.tag, event.step, value) for value in event.summary.value)


def test_a_search_is_shown(tiny):
    config = tiny(train__tensorboard=True, pretrain__epochs=2, search__epochs=2, retrain__mixup=0.25)
    pipeline.search(config, ('pretrain', 'search'))
    written = list(values(os.path.join(config.run, 'tensorboard')))
    scalars = {(tag, step): value.simple_value for tag, step, value in written}
    for row in read_log(os.path.join(config.run, 'log.csv')):
        assert scalars[f'{row["stage"]}/loss', row['epoch']] == pytest.approx(row['loss'])
    assert {tag for tag, step in scalars if step == 10 and tag.startswith('search-steps/')} == {
        f'search-steps/{name}' for name in ('loss', 'error', 'lr', 'gate_lr', 'gamma')
    }
    assert scalars['search-steps/lr', 10] == pytest.approx(config.search.lr) and scalars['search-steps/gamma', 10] > 0
    histograms = [(step, value.histo.num) for tag, step, value in written if tag == 'search/lambda']
    count = histograms[0][1]
    assert [step for step, _ in histograms] == [1, 2] and count > 0
    pictures = {tag: value.image for tag, step, value in written if value.HasField('image')}
    assert 'lambda/shared' in pictures and pictures['lambda/shared'].encoded_image_string.startswith(b'\x89PNG')
    settings = [value for tag, _, value in written if tag.startswith('_hparams_')]
    assert settings and b'retrain.mixup' in b''.join(value.metadata.plugin_data.content for value in settings)


def test_a_picture_has_a_row_for_each_operation():
    drawn = picture(np.array([0.0, 1.0, 0.5]), (0, 1, 1))
    assert drawn.shape == (2 * SIDE, 2 * SIDE, 3) and drawn.dtype == np.uint8
    first, free, large, half = (drawn[row * SIDE, column * SIDE] for row in (0, 1) for column in (0, 1))
    assert tuple(first) == GONE and tuple(free) == FREE and large.sum() > half.sum()
    assert picture(np.zeros(2), (0, 0)).max() <= 60


def test_a_missing_package_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'tensorboardX', None)
    with pytest.raises(UserError, match='pip install tensorboardX, or set train.tensorboard=false') as raised:
        Events(str(tmp_path), {})
    assert '\n' not in str(raised.value)
