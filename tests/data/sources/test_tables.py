"""Tables as people write them: separators, quotes, encodings, ends of lines, comments."""

import pytest

from dsonas.base.errors import UserError
from dsonas.data.sources import tables


def read(tmp_path, content, header=False):
    path = tmp_path / 'table.txt'
    path.write_bytes(content if isinstance(content, bytes) else content.encode('utf-8'))
    return tables.read(str(path), lambda first, others: header)


def cells(table):
    return [list(row.cells) for row in table.rows]


WANTED = [['a b.jpg', 'cat'], ['c.jpg', 'dog']]


@pytest.mark.parametrize(
    'content, separator',
    [
        ('a b.jpg,cat\nc.jpg,dog\n', ','),
        ('a b.jpg\tcat\nc.jpg\tdog', '\t'),
        ('a b.jpg;cat\nc.jpg;dog\n', ';'),
        ('a b.jpg|cat\nc.jpg|dog\n', '|'),
        ('"a b.jpg" cat\n"c.jpg"   "dog"\n', ' '),
        ('"a b.jpg"\t cat\nc.jpg \t dog\n', '\t'),
        ('"a b.jpg" , "cat"\nc.jpg , dog\n', ','),
        ('a b.jpg, cat\n c.jpg , dog \n', ','),
        ('a b.jpg,cat,\nc.jpg,dog,\n', ','),
        ('a b.jpg,cat\nc.jpg,dog\n,\n,\n', ','),
        ('a b.jpg,cat,,\r\nc.jpg,dog,,\r\n,,,\r\n', ','),
        ('a b.jpg;cat\n;\nc.jpg;dog\n', ';'),
        ('sep=;\r\na b.jpg;cat\r\nc.jpg;dog\r\n', ';'),
        ('\ufeff"sep=,"\na b.jpg,cat\nc.jpg,dog\n', ','),
        ('SEP=|\na b.jpg|cat\nc.jpg|dog\n', '|'),
        ('a b.jpg,cat\r\nc.jpg,dog\r\n', ','),
        ('a b.jpg,cat\rc.jpg,dog\r', ','),
        ('\n# a comment, with, commas\n\na b.jpg,cat\n   \n# another\nc.jpg,dog\n\n', ','),
        ('\ufeffa b.jpg,cat\nc.jpg,dog\n', ','),
        ('a b.jpg,cat\nc.jpg,dog\n'.encode('utf-16'), ','),
        (b'\xfe\xff' + 'a b.jpg,cat\nc.jpg,dog\n'.encode('utf-16-be'), ','),
    ],
)
def test_separators_quotes_and_encodings(tmp_path, content, separator):
    table = read(tmp_path, content)
    assert cells(table) == WANTED and table.separator == separator


@pytest.mark.parametrize(
    'content, wanted',
    [
        ('"a, b.jpg",cat\nc.jpg,dog\n', [['a, b.jpg', 'cat'], ['c.jpg', 'dog']]),
        ('"a ""b"".jpg",cat\n', [['a "b".jpg', 'cat']]),
        ('"a\nb.jpg",cat\nc.jpg,dog\n', [['a\nb.jpg', 'cat'], ['c.jpg', 'dog']]),
        ('caf\xe9.jpg,cat\n'.encode('latin-1'), [['caf\xe9.jpg', 'cat']]),
        ('caf\xe9.jpg,\u732b\n', [['caf\xe9.jpg', '\u732b']]),
        ('cat\ndog\n', [['cat'], ['dog']]),
        ('golden retriever\ncat\n', [['golden retriever'], ['cat']]),
        ('a.jpg   3\nb.jpg\t4\n', [['a.jpg', '3'], ['b.jpg', '4']]),
        ('a.jpg,n01 85 1 499\nb.jpg,n02\n', [['a.jpg', 'n01 85 1 499'], ['b.jpg', 'n02']]),
        ('a.jpg,\nb.jpg,dog\n', [['a.jpg', ''], ['b.jpg', 'dog']]),
    ],
)
def test_contents(tmp_path, content, wanted):
    assert cells(read(tmp_path, content)) == wanted


def test_lines_are_counted_as_an_editor_does(tmp_path):
    table = read(tmp_path, '# note\n\nimage,label\na.jpg,cat\n"b\nc.jpg",dog\n\nd.jpg,cat\n', header=True)
    assert table.header.line == 3 and [row.line for row in table.rows] == [4, 5, 8]
    assert table.where(table.rows[-1]).endswith('table.txt, line 8')


@pytest.mark.parametrize(
    'content, words',
    [
        (b'', 'no rows'),
        (b'\n \n# only a note\n', 'no rows'),
        (b'\x89PNG\r\n\x1a\n\0\0\0', 'not text'),
    ],
)
def test_refusals(tmp_path, content, words, one_line):
    with pytest.raises(UserError) as info:
        read(tmp_path, content)
    assert words in one_line(info) and 'table.txt' in str(info.value)


def test_a_header_alone_is_no_table(tmp_path):
    with pytest.raises(UserError, match='no rows but its header'):
        read(tmp_path, 'image,label\n', header=True)


def test_a_header_that_is_shorter_or_longer_than_the_rows(tmp_path):
    """R leaves out the header of its numbers of rows; other headers lack words at the end, or have some too many."""
    table = read(tmp_path, '"path","label"\n"1","a.jpg","cat"\n"2","b.jpg","dog"\n', header=True)
    assert table.header.cells == ('', 'path', 'label') and table.title(0) == 'number 1' and table.title(2) == 'label'
    table = read(tmp_path, 'path,label\na.jpg,cat,1,x\nb.jpg,dog,2,y\n', header=True)
    assert table.header.cells == ('path', 'label', '', '') and table.width == 4
    table = read(tmp_path, 'path,label,more\na.jpg,cat\nb.jpg,dog\n', header=True)
    assert table.width == 2 and table.title(1) == 'label'
