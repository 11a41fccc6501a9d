"""prepare_cifar10: what is made equals the archive, from either version; damage before and after is noticed."""

import numpy as np
import pytest

from dsonas.base import cli
from dsonas.data.registry import load
from dsonas.data.sources import cifar10
from dsonas.tools import prepare_cifar10

from ..data import cifar_archive as archive


def run(arguments):
    return cli.run(prepare_cifar10.main, arguments)


@pytest.mark.parametrize('version', ['binary', 'python'])
@pytest.mark.parametrize('extracted', [False, True])
def test_what_is_made_equals_the_archive(tmp_path, version, extracted, capsys):
    (tmp_path / 'in').mkdir()
    path = archive.write(tmp_path / 'in', version, extracted=extracted)
    assert run([str(tmp_path / 'out'), '--from', str(path)]) == 0
    assert '100 training and 20 test images of 10 classes' in capsys.readouterr().out
    want, got = cifar10.read(str(path)), cifar10.read(str(tmp_path / 'out'))
    assert want[0] == got[0] and all(np.array_equal(a, b) for x, y in zip(want[1:], got[1:]) for a, b in zip(x, y))
    files = archive.files('binary')
    for name in files:
        if name.endswith('.bin'):  # the very bytes of the official binary version
            assert (tmp_path / 'out' / 'cifar-10-batches-bin' / name).read_bytes() == files[name]


def test_records(tmp_path, monkeypatch):
    monkeypatch.setenv('DSONAS_CACHE', str(tmp_path / 'cache'))
    archive.write(tmp_path, 'python')
    for _ in range(2):
        assert run([str(tmp_path / 'out'), '--from', str(tmp_path), '--records', '--split', '0.8']) == 0
    ds = load('imagenet', dir=str(tmp_path / 'out' / 'records'), image_size=32)
    assert ds.sizes == {'train': 100, 'weights': 80, 'gates': 20, 'test': 20} and ds.classes == tuple(archive.CLASSES)
    pixels, labels = archive.images(20, 5)
    assert list(ds.labels('test')) == list(labels)
    test = ds._sources['test']
    assert all(
        np.array_equal(test.pixels(i).transpose(2, 0, 1).ravel(), pixels[i]) for i in range(20)
    )  # PNG loses nothing


@pytest.mark.parametrize('version', ['binary', 'python'])
def test_cifar100(tmp_path, version, capsys, monkeypatch, one_line_error):
    monkeypatch.setenv('DSONAS_CACHE', str(tmp_path / 'cache'))
    path = archive.pack(tmp_path / 'in' / 'x.tar.gz', archive.files100(version), 'inner/')
    archive.write(tmp_path / 'in', 'python')
    assert run([str(tmp_path / 'a'), '--from', str(path)]) == 0
    assert '200 training and 100 test images of 100 classes' in capsys.readouterr().out
    for name, content in archive.files100('binary').items():  # the very bytes of the official binary version
        assert (tmp_path / 'a' / 'cifar-100-binary' / name).read_bytes() == content
    assert load('cifar100', dir=str(tmp_path / 'a')).fingerprint == load('cifar100', dir=str(path)).fingerprint
    arguments = ['--from', str(tmp_path / 'in'), '--dataset', 'cifar100', '--records', '--labels', 'coarse']
    assert run([str(tmp_path / 'b')] + arguments) == 0
    ds = load('imagenet', dir=str(tmp_path / 'b' / 'records'), image_size=32)
    assert ds.classes == tuple(archive.COARSE)
    assert list(ds.labels('test')) == list(archive.coarse(np.arange(100) * 3 % 100))
    assert run([str(tmp_path / 'c'), '--from', str(path), '--dataset', 'cifar10']) == 2
    assert 'is the data set cifar100' in capsys.readouterr().err
    names = tmp_path / 'a' / 'cifar-100-binary' / 'coarse_label_names.txt'
    names.write_text(names.read_text().replace('00', 'xx'))
    one_line_error(lambda: load('cifar100', dir=str(tmp_path / 'a')), 'coarse_label_names.txt', 'manifest.json')


def test_damage_is_noticed_afterwards(tmp_path, one_line_error):
    archive.write(tmp_path, 'binary')
    assert run([str(tmp_path / 'out'), '--from', str(tmp_path)]) == 0
    path = tmp_path / 'out' / 'cifar-10-batches-bin' / 'data_batch_2.bin'
    content = bytearray(path.read_bytes())
    content[5000] ^= 4
    path.write_bytes(bytes(content))
    one_line_error(lambda: load('cifar10', dir=str(tmp_path / 'out')), 'data_batch_2.bin', 'manifest.json')
    (path.parent / 'manifest.json').write_text('[')
    one_line_error(lambda: load('cifar10', dir=str(tmp_path / 'out')), 'manifest.json is damaged')


@pytest.fixture
def one_line_error():
    def check(call, *words):
        with pytest.raises(ValueError) as info:
            call()
        assert '\n' not in str(info.value) and all(word in str(info.value) for word in words), str(info.value)

    return check


def test_refusals(tmp_path, capsys):
    path = archive.write(tmp_path, 'binary')
    path.write_bytes(path.read_bytes()[:5000])
    for source, words in ((path, 'truncated'), (tmp_path / 'no', 'no such file')):
        assert run([str(tmp_path / 'out'), '--from', str(source)]) == 2
        error = capsys.readouterr().err.strip()
        assert words in error and error.startswith('error: ') and '\n' not in error
    extracted = archive.write(tmp_path / 'x', 'binary', extracted=True)
    assert run([str(tmp_path / 'x'), '--from', str(extracted)]) == 2
    assert 'another OUT' in capsys.readouterr().err
