"""Lists of validation images and their classes in every form; development kits in every state."""

import io
import logging
import os
import tarfile

import pytest

from dsonas.base.errors import UserError
from dsonas.data.records import ilsvrc, truth

from .. import ilsvrc_files as files

CLASSES = ('ant', 'bee', 'golden_retriever')
FLAT = ('1.JPEG', '2.JPEG', '10.JPEG', 'x y.png')
TRUTH = {'1.JPEG': 'ant', '2.JPEG': 'bee', '10.JPEG': 'golden_retriever', 'x y.png': 'ant'}


def read(tmp_path, content, names=FLAT, name='list.txt', classes=CLASSES):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return truth.list_labels(str(path), names, classes)


NAMED = [(name, label) for name, label in TRUTH.items()]
NUMBERED = [(name, str(CLASSES.index(label))) for name, label in NAMED]


def lines(pairs, separator=',', quote='', ends='\n'):
    return ends.join(separator.join(quote + cell + quote for cell in cells) for cells in pairs) + ends


@pytest.mark.parametrize('pairs', [NAMED, NUMBERED], ids=['names', 'numbers'])
@pytest.mark.parametrize('separator', [',', '\t', ';', '|', ', ', ' '])
@pytest.mark.parametrize('quote', ['', '"'])
@pytest.mark.parametrize(
    'header', ['', 'image,label', 'ImageId,PredictionString', 'File Name,Class', 'x1,x2', '#path,class']
)
@pytest.mark.parametrize('mark', [b'', b'\xef\xbb\xbf'])
def test_separators_quotes_headers(tmp_path, pairs, separator, quote, header, mark):
    if separator == ' ' and not quote:
        pairs = [pair for pair in pairs if ' ' not in pair[0]]
    text = lines([tuple(header.split(','))] if header else [], separator) * bool(header) + lines(
        pairs, separator, quote
    )
    found = read(tmp_path, mark + text.encode())
    assert found == {name: TRUTH[name] for name, _ in pairs}


@pytest.mark.parametrize(
    'content',
    [
        lines(NAMED, ends='\r\n'),
        lines(NAMED, ends='\r'),
        lines(NAMED).encode('utf-16'),
        '# made by hand\n\n' + lines(NAMED, ends='\n\n') + '# end\n',
        lines([pair[::-1] for pair in NAMED]),  # the class first
        lines([('val/' + name, label) for name, label in NAMED]),
        lines([('/home/x/val/' + name, label) for name, label in NAMED]),
        lines([('C:\\x\\val\\' + name, label) for name, label in NAMED]),
        lines([(os.path.splitext(name)[0], label) for name, label in NAMED]),  # stems
        lines([(name, number + '.0') for name, number in NUMBERED]),
        lines([(name, label.upper().replace('_', ' ')) for name, label in NAMED]),
        lines(
            [(str(i), name, label, '640') for i, (name, label) in enumerate(NAMED)][:0]
            + [('id', 'image', 'label', 'width')]
        )
        + lines([(str(i), name, label, '640') for i, (name, label) in enumerate(NAMED)]),
        lines([(name, label + ' 85 1 499 272') for name, label in NAMED]),
        lines([label for _, label in sorted(NAMED)], separator=''),  # classes alone, for the files in order
        'class\n' + lines([label for _, label in sorted(NAMED)], separator=''),
        lines([number for _, number in sorted(NUMBERED)], separator=''),
        lines(NAMED + NAMED),  # twice the same
    ],
)
def test_forms(tmp_path, content):
    assert read(tmp_path, content) == TRUTH


@pytest.mark.parametrize(
    'content',
    [
        'x1.JPEG golden retriever\nx2.JPEG ant\n',
        'x1.JPEG golden retriever\nx2.JPEG ant bear\n',
        'golden_retriever x1.JPEG\nant x2.JPEG\n',
    ],
)
def test_words_with_blanks_within(tmp_path, content):
    classes = ('ant bear', 'ant', 'golden retriever') if 'bear' in content else CLASSES
    found = read(tmp_path, content, ('x1.JPEG', 'x2.JPEG'), classes=classes)
    assert list(found) == ['x1.JPEG', 'x2.JPEG'] and found['x1.JPEG'].replace('_', ' ') == 'golden retriever'
    assert found['x2.JPEG'] == ('ant bear' if 'bear' in content else 'ant')
    assert read(tmp_path, 'my photo.JPEG ant\na cat.JPEG bee\n', ('my photo.JPEG', 'a cat.JPEG')) == {
        'my photo.JPEG': 'ant',
        'a cat.JPEG': 'bee',
    }


def test_im2recs_list(tmp_path):
    rows = [('%d' % i, '%f' % CLASSES.index(label), name) for i, (name, label) in enumerate(NAMED)]
    assert read(tmp_path, lines(rows, '\t'), name='val.lst') == TRUTH
    rows = [row[:2] + ('1.000000',) + row[2:] for row in rows]
    with pytest.raises(UserError, match='2 labels an image'):
        read(tmp_path, lines(rows, '\t'), name='val.lst')


def test_whole_names_come_before_stems(tmp_path):
    names = ('a/1.jpg', 'b/1.jpg', 'b/1.png', 'c/2.jpg')
    listed = [('a/1.jpg', 'ant'), ('val\\b\\1.jpg', 'bee'), ('./b/1.png', 'ant'), ('2', 'bee')]
    assert read(tmp_path, lines(listed), names) == dict(zip(names, ('ant', 'bee', 'ant', 'bee')))


@pytest.mark.parametrize('name, both', [('1.jpg', ('a/1.jpg', 'b/1.jpg')), ('b/1', ('b/1.jpg', 'b/1.png'))])
def test_a_name_of_two_files_is_refused(tmp_path, name, both, one_line):
    with pytest.raises(UserError) as info:
        read(tmp_path, lines([('c/2.jpg', 'ant'), (name, 'bee')]), ('a/1.jpg', 'b/1.jpg', 'b/1.png', 'c/2.jpg'))
    assert all(file in one_line(info) for file in both + ('line 2',))


def test_classes_that_are_called_by_numbers(tmp_path):
    """Their names are meant, not positions."""
    listed = [('1.JPEG', '3'), ('2.JPEG', '1.0')]
    assert read(tmp_path, lines(listed), classes=('1', '2', '3')) == {'1.JPEG': '3', '2.JPEG': '1'}
    with pytest.raises(UserError, match="class '0'"):
        read(tmp_path, lines([('1.JPEG', '0')]), classes=('1', '2', '3'))


def test_images_that_are_not_there_are_counted(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        assert read(tmp_path, lines(NAMED + [('other.jpg', 'ant'), ('another.jpg', 'bee')])) == TRUTH
    assert '2 images in it are not there' in caplog.text and 'other.jpg' in caplog.text


@pytest.mark.parametrize(
    'content, words',
    [
        ('1.JPEG,eel\n', ["class 'eel'", 'line 1', '3 classes (ant']),
        ('1.JPEG,3\n', ["class '3'", '0 to 2']),
        ('1.JPEG,-1\n', ["class '-1'"]),
        ('1.JPEG,0.5\n', ["class '0.5'"]),
        ('1.JPEG,nan\n', ["class 'nan'"]),
        ('1.JPEG,' + '9' * 5000 + '\n', ["class '999", '0 to 2']),
        ('image,label\n1.JPEG,\n', ["class ''", 'line 2']),
        ('1.JPEG,ant\n1.JPEG,bee\n', ['line 2', 'is bee, but ant in line 1']),
        ('ant\nbee\n', ['2 lines for 4 images']),
        ('0\n1\n2\n3\n', ["'3'", 'line 4']),
        ('1.JPEG\n2.JPEG\n10.JPEG\nx y.png\n', ['no column of classes']),
        ('image,width,height\n1.JPEG,640,480\n2.JPEG,640,300\n', ['which column is the label?', 'width']),
        ('"1.JPEG,ant\n2.JPEG,bee\n', ['list.txt']),
        (b'\0\1\2', ['not text']),
        ('', ['no rows']),
    ],
)
def test_refusals(tmp_path, content, words, one_line):
    with pytest.raises(UserError) as info:
        read(tmp_path, content)
    text = one_line(info)
    assert all(word in text for word in words) and len(text) < 300 + len(str(tmp_path)), text


def test_validation_images_of_equal_names_in_several_folders(tmp_path):
    root = tmp_path / 'val'
    for folder in ('a', 'b'):
        (root / folder).mkdir(parents=True)
        (root / folder / '1.jpg').write_bytes(b'x')
    (tmp_path / 'list.csv').write_text('a/1.jpg,ant\nb/1.jpg,bee\n')
    items = ilsvrc.validation(str(root), CLASSES, str(tmp_path / 'list.csv'))
    assert [(item.name, item.label) for item in items] == [('a/1.jpg', 0), ('b/1.jpg', 1)]


# Development kits.

WNIDS = [files.wnid(i) for i in range(4)]
GROUND_TRUTH = [WNIDS[i] for i in (2, 0, 3, 3, 1)]


def kit(tmp_path, how='w:gz', **changed):
    """A kit with members replaced: bytes, None (left out), or a TarInfo's fields."""
    path = files.write_devkit(tmp_path, WNIDS, GROUND_TRUTH)
    with tarfile.open(str(path)) as archive:
        contents = {member.name: archive.extractfile(member).read() for member in archive}
    with tarfile.open(str(path), how) as archive:
        for name, content in contents.items():
            change = changed.get('meta' if name.endswith('.mat') else 'truth', content)
            if change is None:
                continue
            member = tarfile.TarInfo(name)
            data = change if isinstance(change, bytes) else b''
            for field, value in (change if isinstance(change, dict) else {}).items():
                setattr(member, field, value)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def extracted(path):
    with tarfile.open(str(path)) as archive:
        archive.extractall(str(path.parent))
    return path.parent / 'ILSVRC2012_devkit_t12'


@pytest.mark.parametrize('how', ['w:gz', 'w', 'w:bz2'])
def test_development_kits(tmp_path, how):
    path = kit(tmp_path, how)
    renamed = path.rename(tmp_path / 'kit')
    assert truth.devkit_labels(str(renamed)) == truth.devkit_labels(str(extracted(renamed))) == GROUND_TRUTH


@pytest.mark.parametrize(
    'changed, words',
    [
        ({'meta': b'garbage' * 50}, 'meta.mat is damaged or another file'),
        ({'meta': b''}, 'meta.mat is damaged or another file'),
        ({'meta': None}, 'has no meta.mat'),
        ({'meta': {'type': tarfile.SYMTYPE, 'linkname': '/dev/zero'}}, 'has no meta.mat'),
        ({'meta': {'type': tarfile.LNKTYPE, 'linkname': 'nowhere'}}, 'has no meta.mat'),
        ({'meta': {'type': tarfile.DIRTYPE}}, 'has no meta.mat'),
        ({'meta': {'type': tarfile.FIFOTYPE}}, 'has no meta.mat'),
        ({'truth': None}, 'has no ILSVRC2012_validation_ground_truth.txt'),
        ({'truth': b'1\n2\nx\n'}, "entry 3: 'x'"),
        ({'truth': b'1\n2\n9999\n'}, "entry 3: '9999'"),
        ({'truth': b'1\n-2\n'}, "'-2' is none"),
        ({'truth': b'1\n1.5\n'}, "'1.5' is none"),
        ({'truth': b'9' * 5000}, 'is none of'),
        ({'truth': b'\xff\xfe\n'}, 'is none of'),
        ({'truth': bytes(1 << 24)}, 'unpacks to more than'),
    ],
)
def test_damaged_development_kits(tmp_path, changed, words, one_line):
    path = kit(tmp_path, **changed)
    with pytest.raises(UserError) as info:
        truth.devkit_labels(str(path))
    assert words in one_line(info) and str(path) in str(info.value)


@pytest.mark.parametrize('what', ['link', 'dangling', 'folder', 'fifo', 'garbage', 'loop'])
def test_damaged_folders_of_a_kit(tmp_path, what, one_line):
    folder = extracted(kit(tmp_path))
    meta = folder / 'data' / 'meta.mat'
    meta.unlink()
    if what == 'folder':
        meta.mkdir()
    elif what == 'fifo':
        os.mkfifo(str(meta))
    elif what == 'garbage':
        meta.write_bytes(b'x' * 1000)
    else:
        meta.symlink_to({'link': '/dev/zero', 'dangling': 'nowhere', 'loop': 'meta.mat'}[what])
    with pytest.raises(UserError) as info:
        truth.devkit_labels(str(folder))
    assert ('damaged' if what == 'garbage' else 'has no meta.mat') in one_line(info)
