"""Arrays: every form ends as the same arrays, files give back what was written, and each mistake is one clear line."""

import numpy as np
import pytest

from dsonas.base.errors import UserError
from dsonas.data import arrays, registry
from dsonas.data.recognise import is_table
from dsonas.data.registry import load, recognised


def made(n=24, classes=3, seed=0, shape=(12, 10)):
    """Images uint8 (n, H, W, 3) and labels of `classes` classes."""
    generator = np.random.RandomState(seed)
    return generator.randint(0, 256, (n, *shape, 3)).astype(np.uint8), np.arange(n) % classes


def test_all_forms_of_images_are_the_same():
    x, y = made()
    last, first = arrays.checked(x, y), arrays.checked(x.transpose(0, 3, 1, 2), y.tolist())
    assert last.images.shape == (24, 3, 12, 10) and last.fingerprint == first.fingerprint
    grey, one = arrays.checked(x[..., 0], y), arrays.checked(x[..., :1], y[:, None])
    assert grey.images.shape == (24, 1, 12, 10) and grey.fingerprint == one.fingerprint != last.fingerprint


def test_all_forms_of_labels_are_the_same():
    x, y = made()
    names = np.array(['ant', 'bee', 'cat'])
    for values in (names[y], names[y].astype('S'), names[y].astype(object), list(names[y])):
        found = arrays.checked(x, values)
        assert found.classes == ('ant', 'bee', 'cat') and (found.labels == y).all()
    assert arrays.checked(x, y * 5 - 7).classes == ('-7', '-2', '3')
    assert arrays.checked(x, y, classes=['c', 'b', 'a']).classes == ('c', 'b', 'a')
    assert (arrays.checked(x, y, x, y[::-1]).test_labels == y[::-1]).all()


@pytest.mark.parametrize('compressed', [False, True])
def test_a_file_gives_back_what_was_written(tmp_path, compressed):
    x, y = made()
    given = arrays.checked(x, np.array(['ä', 'b', 'c'])[y], x[:6], ['ä', 'b', 'c'] * 2)
    path = str(tmp_path / 'arrays.npz')
    if compressed:
        np.savez_compressed(path, **given.content())
    else:
        arrays.write(path, given)
    for place in (path, str(tmp_path)):
        again = arrays.read(place)
        assert again.fingerprint == given.fingerprint and again.classes == given.classes
        assert recognised(place) == ['npz'] and not is_table(place)


def test_the_fingerprint_tells_images_labels_and_classes():
    x, y = made()
    other = x.copy()
    other[3, 2, 1, 0] ^= 1
    found = [arrays.checked(x, y), arrays.checked(other, y), arrays.checked(x, y[::-1]), arrays.checked(x, y + 1)]
    assert len({one.fingerprint for one in found}) == 4


X, Y = made()
NAN = X / 255.0
NAN[0, 0, 0, 0] = np.nan


@pytest.mark.parametrize(
    'given, words',
    [
        ((X.astype(np.float32) / 255, Y), r'x: float32, values up to 1; expected uint8.*\(x \* 255\)'),
        ((X.astype(np.int64), Y), 'x: int64; expected uint8'),
        ((NAN, Y), r'x: has values that are not numbers \(NaN\)'),
        ((X[..., :2], Y), r'x: shape \(24, 12, 10, 2\); expected \(n, height, width, 3\)'),
        ((X[0, :, :, 0], Y), r'x: shape \(12, 10\); expected'),
        ((X[:, :4], Y), 'x: images of 4 x 10 pixels; accepted are sides of 8'),
        ((X[:0], Y[:0]), 'x: no images'),
        (([1, 2], Y), 'x: list; expected an array'),
        ((X, Y[:-1]), 'y: 23 labels for the 24 images of x'),
        ((X, np.eye(3)[Y]), r'y: shape \(24, 3\); expected one label an image'),
        ((X, Y / 2), 'y: float64; expected whole numbers or texts'),
        ((X, np.where(Y, np.nan, 0)), 'y: has values that are not numbers'),
        ((X, Y * 0), "y: one class only \\('0'\\); at least two"),
        ((X, 7), r'y: int; expected an array'),
        ((X, Y, X[:0], Y[:0]), 'x_test: no images'),
        ((X, Y, X[:5], Y[:4]), 'y_test: 4 labels for the 5 images of x_test'),
        ((X, Y, X, Y + 1), r"y_test: label '3' is none of the 3 classes \(0, 1, 2\)"),
        ((X, Y, X[:, :9], Y), r'x_test: images of \(channels, height, width\) \(3, 9, 10\); expected \(3, 12, 10\)'),
        ((X, Y, X), 'x_test is given without y_test'),
        ((X, Y, None, Y), 'y_test is given without x_test'),
        ((X, Y, None, None, ['a', 'b']), 'y: label 2 is none of the 2 classes'),
        ((X, Y, None, None, ['a', 'b', 'a']), 'a name stands there twice'),
    ],
)
def test_a_mistake_is_one_clear_line(given, words):
    with pytest.raises(UserError, match=words) as raised:
        arrays.checked(*given)
    assert '\n' not in str(raised.value)


def test_damaged_and_incomplete_files_are_named(tmp_path):
    path = tmp_path / 'arrays.npz'
    np.savez(str(path), x_train=X)
    with pytest.raises(UserError, match='arrays.npz: without the array y_train'):
        load('npz', dir=str(path))
    assert recognised(str(path)) == []
    np.savez(str(path), x_train=X, y_train=Y[1:])
    with pytest.raises(UserError, match='arrays.npz: y_train: 23 labels for the 24 images of x_train'):
        load('npz', dir=str(path))
    arrays.write(str(path), arrays.checked(X, Y))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(UserError, match='arrays.npz: '):
        load('npz', dir=str(path))
    with pytest.raises(OSError):
        load('npz', dir=str(tmp_path / 'none.npz'))
    with pytest.raises(UserError, match='npz: no data folder given.*x_train, y_train'):
        registry.load('npz')
