"""Files that are not what their names say: each reader says what they are, in one line."""

import pytest

from dsonas.base.errors import UserError
from dsonas.data import decode, heads
from dsonas.data.registry import load
from dsonas.data.sources import archives, layout, tables

PAGE = b'<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>\n'
POINTER = b'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n'
KINDS = [
    (PAGE, 'a web page'),
    (b'\n  <html lang="en">', 'a web page'),
    (b'\xef\xbb\xbf' + PAGE, 'a web page'),
    ('\ufeff<html>'.encode('utf-16-le'), 'a web page'),
    (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', 'a web page'),
    (b'<?xml version="1.0"?><svg width="3"/>', 'an SVG drawing'),
    (POINTER, 'git lfs pull'),
]


@pytest.mark.parametrize('content, words', KINDS)
def test_what_it_really_is(tmp_path, content, words, one_line):
    assert words in heads.really(content)
    for name, read in (
        ('a.jpg', decode.read_rgb),
        ('a.csv', lambda path: tables.read(path, lambda first, others: False)),
        ('cifar-10-python.tar.gz', lambda path: archives.read(path, lambda name: True)),
        ('a.zip', layout.find),
        ('b.tar.gz', lambda path: load('cifar10', dir=path)),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(UserError) as info:
            read(str(path))
        text = one_line(info)
        assert words in text and name in text and len(text.replace(str(tmp_path), '')) < 300
    (tmp_path / 'd').mkdir()
    (tmp_path / 'd' / 'cifar-10-python.tar.gz').write_bytes(content)
    for name in ('cifar10', 'folder'):
        with pytest.raises(UserError) as info:
            load(name, dir=str(tmp_path / 'd'))
        assert words in one_line(info)


@pytest.mark.parametrize(
    'content', [b'', b'file,label\n', b'\x89PNG', b'\xff\xd8\xff', b'PK\3\4', b'# <html>', b'version 1']
)
def test_what_may_be_right(content):
    assert heads.really(content) == ''


@pytest.mark.parametrize('content', [b'PK\3\4\x14\0\x06', b'\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'])
def test_a_spreadsheet_in_place_of_a_table(tmp_path, content, one_line):
    (tmp_path / 'labels.csv').write_bytes(content)
    with pytest.raises(UserError) as info:
        load('csv', dir=str(tmp_path / 'labels.csv'))
    assert 'save it as CSV' in one_line(info) and 'labels.csv' in str(info.value)
