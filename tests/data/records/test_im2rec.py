"""Records that MXNet's own im2rec makes: labels packed or not, names of classes beside them, lists of several labels."""

import gc
import os
import runpy
import sys

import mxnet as mx
import numpy as np
import pytest

from dsonas.base.errors import UserError
from dsonas.data.records import check, recordio
from dsonas.data.registry import load
from dsonas.data.sources import class_names

from .. import image_files

IM2REC = os.path.join(os.path.dirname(mx.__file__), 'tools', 'im2rec.py')


def im2rec(monkeypatch, *arguments):
    monkeypatch.setattr(sys, 'argv', ['im2rec.py'] + [str(argument) for argument in arguments])
    runpy.run_path(IM2REC, run_name='__main__')
    gc.collect()  # it leaves closing its files to Python


def image(label, seed):
    return image_files.picture(label, np.random.RandomState(seed), 30, 30)


def write(folder, stem, labels, pack=float):
    """STEM.rec and .idx with mx.recordio; pack(label) is what stands in the header."""
    writer = mx.recordio.MXIndexedRecordIO(str(folder / (stem + '.idx')), str(folder / (stem + '.rec')), 'w')
    for i, label in enumerate(labels):
        writer.write_idx(i, mx.recordio.pack_img(mx.recordio.IRHeader(0, pack(label), i, 0), image(i, i)))
    writer.close()


@pytest.mark.skipif(not os.path.isfile(IM2REC), reason='this MXNet comes without im2rec')
@pytest.mark.parametrize('flags', [(), ('--pack-label',)])
def test_what_im2rec_makes_is_read(tmp_path, monkeypatch, flags, capsys):
    for stem, count in (('train', 8), ('val', 3)):
        root = image_files.tree(tmp_path / 'images' / stem, {'ant': count, 'bee': count, 'cow': count}, suffix='.jpg')
        prefix = tmp_path / 'records' / stem
        prefix.parent.mkdir(exist_ok=True)
        im2rec(monkeypatch, '--list', '--recursive', prefix, root)
        im2rec(monkeypatch, *flags, prefix, root)
    printed = capsys.readouterr().out
    (tmp_path / 'records' / 'classes.txt').write_text('\n'.join(line for line in printed.split('\n')[:3]))
    manifest = check.validate(str(tmp_path / 'records'))
    assert manifest['classes'] == ['ant', 'bee', 'cow'] and not any(manifest['bad'].values())
    ds = load('imagenet', dir=str(tmp_path / 'records'), image_size=16)
    assert ds.classes == ('ant', 'bee', 'cow') and ds.sizes['train'] == 24 and ds.sizes['test'] == 9
    assert sorted(ds.labels('test')) == [0] * 3 + [1] * 3 + [2] * 3
    rows = recordio.read_table(str(tmp_path / 'records' / 'train.lst'), 3)
    assert [ds.classes[label] for label in ds.labels('train')] == [os.path.dirname(name) for name in rows[2]]


@pytest.mark.parametrize('order', [[0, 1, 2, 3, 4, 5], [4, 0, 5, 2, 1, 3]])
def test_images_that_im2rec_could_not_read_are_no_records(tmp_path, order, caplog):
    """With several processes it goes on, and they stay in its list; which records there are, the index says."""
    for stem in ('train', 'val'):
        writer = mx.recordio.MXIndexedRecordIO(str(tmp_path / (stem + '.idx')), str(tmp_path / (stem + '.rec')), 'w')
        for i in order:
            if i != 2:
                writer.write_idx(i, mx.recordio.pack_img(mx.recordio.IRHeader(0, i % 3, i, 0), image(i, i)))
        writer.close()
        (tmp_path / (stem + '.lst')).write_text(''.join(f'{i}\t{i % 3:f}\tx{i}.jpg\n' for i in order))
    whole = (tmp_path / 'val.lst').read_bytes()
    assert not any(check.validate(str(tmp_path))['bad'].values())
    ds = load('imagenet', dir=str(tmp_path), image_size=16)
    assert list(ds.labels('test')) == [i % 3 for i in order if i != 2]
    assert recordio.read_table(str(tmp_path / 'val.lst'), 3)[2] == [f'x{i}.jpg' for i in order if i != 2]
    assert (tmp_path / 'val.all.lst').read_bytes() == whole and 'lists 6 images, of which 5' in caplog.text


@pytest.mark.parametrize('pack', [float, lambda label: [float(label)], lambda label: np.array([label], np.float32)])
@pytest.mark.parametrize('listed', [False, True])
def test_one_label_however_it_is_packed(tmp_path, pack, listed):
    for stem, labels in (('train', [0, 1, 2] * 4), ('val', [2, 1, 0])):
        write(tmp_path, stem, labels, pack)
        if listed:
            (tmp_path / (stem + '.lst')).write_text(
                ''.join(f'{i}\t{label:f}\tx.jpg\n' for i, label in enumerate(labels))
            )
    assert not any(check.validate(str(tmp_path))['bad'].values())
    ds = load('imagenet', dir=str(tmp_path), image_size=16)
    assert list(ds.labels('test')) == [2, 1, 0] and ds.classes == ('class 0', 'class 1', 'class 2')
    check.validate(str(tmp_path))  # again, over its own manifest and lists


@pytest.mark.parametrize(
    'labels, words',
    [
        ([[0, 1]] * 6, 'the record has 2 labels, expected one'),
        ([[2, 5, 0.1, 0.2, 0.3]] * 6, 'the record has 5 labels, expected one'),
        ([0, 1, 0.5, 1], 'record 2 (byte'),
        ([0, 1, 0.5, 1], 'label 0.5, expected the number of a class'),
        ([0, 1, float('nan')], 'label nan'),
        ([0, 1, -1.0], 'label -1'),
        ([0, 1, 1e9], 'label 1e+09'),
    ],
)
@pytest.mark.parametrize('where', ['train', 'val'])
def test_labels_that_are_no_class_are_refused_saying_so(tmp_path, labels, words, where, one_line):
    for stem in ('train', 'val'):
        write(tmp_path, stem, labels if stem == where else [0, 1, 1], lambda label: label)
    with pytest.raises(recordio.Unsuitable) as info:
        check.validate(str(tmp_path), max_bad=1)
    assert words in one_line(info) and f'{where}.rec' in str(info.value)


def test_several_labels_are_refused_though_a_list_gives_one(tmp_path):
    for stem in ('train', 'val'):
        write(tmp_path, stem, [[0, 1], [1, 0]], list)
        (tmp_path / (stem + '.lst')).write_text('0\t0\tx.jpg\n1\t1\ty.jpg\n')
    with pytest.raises(recordio.Unsuitable, match='2 labels, expected one'):
        check.validate(str(tmp_path), max_bad=1)


@pytest.mark.parametrize(
    'file, content, classes',
    [
        ('classes.txt', 'ant\nbee\ncow\n', ('ant', 'bee', 'cow')),
        ('names.txt', '0 ant\n2 cow\n1 bee\n', ('ant', 'bee', 'cow')),
        ('labels.txt', 'ant 0\nbee 1\ncow 2\n', ('ant', 'bee', 'cow')),
        ('class_names.csv', 'ant,0\nbee,1\ncow,2\n', ('ant', 'bee', 'cow')),
        ('synset.txt', 'n01 ant, an insect\nn02 bee\nn03 cow\n', ('n01 ant, an insect', 'n02 bee', 'n03 cow')),
        ('classes.csv', 'id,name\n0,ant\n1,bee\n2,cow\n', ('ant', 'bee', 'cow')),
        ('classes.csv', 'class\nant\nbee\ncow\n', ('ant', 'bee', 'cow')),
        ('label_num_to_name_map.json', '{"0": "ant", "2": "cow cow", "1": "bee"}', ('ant', 'bee', 'cow cow')),
        ('class_to_idx.json', '{"ant": 0, "bee": 1, "cow": 2}', ('ant', 'bee', 'cow')),
        ('a.json', '{"ant": 0, "bee": 1, "cow": 1}', None),
        ('a.json', '{"0": ["ant"], "1": {}, "2": null}', None),
        ('a.json', '[' * 100000, None),
        ('labels.txt', '0\n1\n0\n', None),  # of images
        ('classes.txt', 'ant\nbee\n', None),
        ('classes.txt', '\0\1', None),
        ('other.txt', 'ant\nbee\ncow\n', None),
    ],
)
def test_lists_of_class_names(tmp_path, file, content, classes):
    (tmp_path / file).write_text(content)
    assert class_names.beside(str(tmp_path), 3) == (None if classes is None else (file, classes))
    for stem in ('train', 'val'):
        write(tmp_path, stem, [0, 1, 2])
    numbers = ('class 0', 'class 1', 'class 2')
    assert tuple(check.validate(str(tmp_path))['classes']) == (classes or numbers)


def test_names_in_the_manifest_stay(tmp_path):
    for stem in ('train', 'val'):
        write(tmp_path, stem, [0, 1])
    check.validate(str(tmp_path), classes=['cat', 'dog'])
    (tmp_path / 'classes.txt').write_text('x\ny\n')
    assert check.validate(str(tmp_path))['classes'] == ['cat', 'dog']


def test_names_come_to_numbers_that_were_checked_before(tmp_path):
    for stem in ('train', 'val'):
        write(tmp_path, stem, [0, 1])
    assert check.validate(str(tmp_path))['classes'] == ['class 0', 'class 1']
    (tmp_path / 'classes.txt').write_text('cat\ndog\n')
    assert check.validate(str(tmp_path))['classes'] == ['cat', 'dog']
    with pytest.raises(UserError, match='label 1, but there are 1 classes'):
        check.validate(str(tmp_path), classes=['cat'])
