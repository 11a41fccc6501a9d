"""Which files of a tree are images: suffixes and contents, links, pipes, litter; what is passed over is counted by reason."""

import io
import os
import socket

import numpy as np
import pytest
from PIL import Image

from dsonas.base.errors import UserError
from dsonas.data.sources import kinds, scan

PICTURE = Image.fromarray(np.random.RandomState(0).randint(0, 255, (9, 12, 3), dtype=np.uint8))


def encoded(kind, **options):
    out = io.BytesIO()
    PICTURE.save(out, kind, **options)
    return out.getvalue()


@pytest.fixture
def root(tmp_path):
    root = tmp_path / 'data'
    (root / 'cat').mkdir(parents=True)
    for number in range(3):
        (root / 'cat' / f'{number}.png').write_bytes(b'x')
    return root


def found(root):
    return [file.path.replace(os.sep, '/') for file in scan.scan(str(root)).images()]


def passed(root):
    return scan.scan(str(root)).all_passed()


CAT = ['cat/0.png', 'cat/1.png', 'cat/2.png']


@pytest.mark.parametrize('kind', ['JPEG', 'PNG', 'GIF', 'BMP', 'TIFF', 'WEBP', 'PPM', 'JPEG2000'])
@pytest.mark.parametrize('name', ['bare', 'x.JPG_large', 'x.jpg!d', 'x.jpeg?w=80&h=60', 'x.001', 'x.image'])
def test_content_tells_where_the_suffix_does_not(root, kind, name):
    (root / 'cat' / name).write_bytes(encoded(kind))
    assert f'cat/{name}' in found(root) and not passed(root).counts


@pytest.mark.parametrize('suffix', ['jfif', 'jpe', 'JPG', 'Jpeg', 'TIF', 'webp', 'pbm', 'jif', 'apng'])
def test_suffixes(root, suffix):
    (root / 'cat' / f'x.{suffix}').write_bytes(b'anything: decoding will tell')
    assert f'cat/x.{suffix}' in found(root)


@pytest.mark.parametrize(
    'content', [b'', b'words', b'P', b'P6', b'BM and so on, which is text', b'RIFF....WAVE', bytes(40)]
)
def test_a_file_without_suffix_that_is_none(root, content):
    (root / 'cat' / 'LICENSE').write_bytes(content)
    assert found(root) == CAT and passed(root).counts == {kinds.NO_IMAGE: 1}


def test_files_whose_suffix_tells_are_not_opened(root, monkeypatch):
    opened = []
    monkeypatch.setattr(kinds, 'open', lambda path, mode: opened.append(path) or open(path, mode), raising=False)
    for name in ('a.jpg', 'b.txt', 'c.heic', 'd.odd', '.e', 'Thumbs.db'):
        (root / 'cat' / name).write_bytes(encoded('PNG'))
    assert len(found(root)) == 5 and [os.path.basename(path) for path in opened] == ['d.odd']


def test_litter_is_not_looked_at(root):
    for name in ('.DS_Store', 'Thumbs.db', 'THUMBS.DB', 'desktop.ini', '._0.png', '.hidden.txt'):
        (root / 'cat' / name).write_bytes(b'x')
    for name in ('__MACOSX', '.git', '.ipynb_checkpoints', '$RECYCLE.BIN', '@eaDir'):
        (root / name).mkdir()
        (root / name / 'x.png').write_bytes(b'x')
    assert found(root) == CAT and not passed(root).counts
    (root / 'cat' / '.3.png').write_bytes(b'x')
    assert found(root) == CAT and passed(root).counts == {scan.HIDDEN: 1}


def test_reasons_are_counted_and_up_to_three_files_named(root):
    for number in range(5):
        (root / 'cat' / f'{number}.txt').write_text('words')
    os.symlink('nowhere', root / 'cat' / 'dead.png')
    assert passed(root).sentences() == [
        'passed over: 5 files, of another kind (cat/0.txt, cat/1.txt, cat/2.txt, …)',
        'passed over: 1 file, a dead link (cat/dead.png)',
    ]
    assert passed(root).short() == ' (5 files: of another kind; 1 file: a dead link)'


def test_names_are_shown_as_one_line(root):
    name = 'a\nb\x1b[31m' + 90 * 'c' + '.txt'
    (root / 'cat' / name).write_text('words')
    sentence = passed(root).sentences()[0]
    assert sentence.isprintable() and len(sentence) < 150 and 'ccc.txt' in sentence


def test_pipes_sockets_and_devices_are_not_opened(root):
    os.mkfifo(root / 'cat' / 'pipe.png')
    os.mkfifo(root / 'cat' / 'pipe')
    os.symlink('/dev/zero', root / 'cat' / 'zero.jpg')
    os.symlink('pipe', root / 'cat' / 'link')
    listener = socket.socket(socket.AF_UNIX)
    before = os.getcwd()
    try:
        os.chdir(root / 'cat')  # a socket's path is short
        listener.bind('socket.png')
    finally:
        os.chdir(before)
        listener.close()
    assert found(root) == CAT and passed(root).counts == {kinds.IRREGULAR: 5}


def test_links_are_followed(root, tmp_path):
    pool = tmp_path / 'pool'
    (pool / 'deep').mkdir(parents=True)
    for name in ('a.jpg', 'deep/b'):
        (pool / name).write_bytes(encoded('JPEG'))
    os.symlink(pool, root / 'dog')
    os.symlink(pool / 'a.jpg', root / 'cat' / 'a.jpg')
    os.symlink(pool / 'a.jpg', root / 'cat' / 'odd')
    assert found(root) == ['cat/0.png', 'cat/1.png', 'cat/2.png', 'cat/a.jpg', 'cat/odd', 'dog/a.jpg', 'dog/deep/b']


def test_a_root_that_is_a_link(root, tmp_path):
    os.symlink(root, tmp_path / 'link')
    assert found(tmp_path / 'link') == CAT


@pytest.mark.parametrize(
    'links, reason, count',
    [
        ({'cat/again': '..'}, scan.TWICE, 1),  # the root itself
        ({'cat/again': '.'}, scan.TWICE, 1),
        ({'cat/out': '../..'}, scan.ABOVE, 1),
        ({'all': '/'}, scan.ABOVE, 1),
        ({'kitty': 'cat', 'a': 'cat'}, scan.TWICE, 2),
        ({'one': 'two', 'two': 'one'}, scan.DEAD, 2),
        ({'cat/self.png': 'self.png'}, scan.DEAD, 1),
        ({'gone': 'nowhere/at/all', 'cat/x.png': 'y.png'}, scan.DEAD, 2),
    ],
)
def test_links_cannot_make_a_loop(root, links, reason, count):
    for name, target in links.items():
        os.symlink(target, root / name)
    assert found(root) == CAT and passed(root).counts == {reason: count}


def test_links_between_folders_outside_end(root, tmp_path):
    for name, other in (('a', 'b'), ('b', 'a')):
        (tmp_path / name).mkdir()
        (tmp_path / name / f'{name}.png').write_bytes(b'x')
        os.symlink(tmp_path / other, tmp_path / name / 'other')
    os.symlink(tmp_path / 'a', root / 'dog')
    assert found(root) == [*CAT, 'dog/a.png', 'dog/other/b.png']
    assert passed(root).counts == {scan.TWICE: 1}


def test_a_folder_is_known_by_where_it_lies(root):
    os.symlink('zebra', root / 'ant')
    (root / 'zebra').mkdir()
    (root / 'zebra' / 'z.png').write_bytes(b'x')
    assert found(root) == [*CAT, 'zebra/z.png']


def test_folders_and_files_that_may_not_be_read(root, monkeypatch):
    (root / 'closed').mkdir()
    (root / 'cat' / 'odd').write_bytes(encoded('PNG'))
    scandir = os.scandir

    def refusing(path, *rest):
        if str(path).rstrip(os.sep).endswith(('closed', 'odd')):
            raise PermissionError(13, 'Permission denied', path)
        return (scandir if not rest else open)(path, *rest)

    monkeypatch.setattr(scan.os, 'scandir', refusing)
    monkeypatch.setattr(kinds, 'open', refusing, raising=False)
    assert found(root) == CAT and passed(root).counts == {kinds.UNREADABLE: 2}
    with pytest.raises(UserError, match='closed: Permission denied'):
        scan.scan(str(root / 'closed'))


def test_a_deep_tree(root):
    path, depth = root, 300
    for _ in range(depth):
        path = path / 'a'
    path.mkdir(parents=True)
    (path / 'x.png').write_bytes(b'x')
    tree = scan.scan(str(root))
    assert tree.total == 4 and sum(1 for _ in tree.walk()) == depth + 2


def test_each_folder_is_listed_once(root, monkeypatch):
    calls, scandir = [], os.scandir
    monkeypatch.setattr(scan.os, 'scandir', lambda path: calls.append(path) or scandir(path))
    for name in ('a', 'b', 'b/c'):
        (root / name).mkdir()
    scan.scan(str(root))
    assert len(calls) == len(set(calls)) == 5


def test_images(root):
    counts = scan.Passed()
    (root / 'notes.txt').write_text('words')
    assert scan.images(str(root), counts) == [path.replace('/', os.sep) for path in CAT]
    assert counts.counts == {kinds.OTHER: 1}
    with pytest.raises(UserError, match='No such file'):
        scan.images(str(root / 'no'))


def test_images_in_hidden_folders_are_counted_but_for_litter(root):
    for name in ('.dog', '.git', '.ipynb_checkpoints', '.Trash-1000', '__MACOSX'):
        (root / name).mkdir()
    for path in ('.dog/1.png', '.dog/2.JPG', '.git/index', '.ipynb_checkpoints/0-checkpoint.png', '.Trash-1000/3.png'):
        (root / path).write_bytes(b'x')
    assert found(root) == CAT
    assert passed(root).sentences() == [f'passed over: 2 files, hidden ({os.path.join(".dog", "1.png")}, …)']
