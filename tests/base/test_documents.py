"""JSON and YAML that nobody has checked are plain data within bounds, or one line that names the file."""

import json
import os
import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dsonas.base import documents
from dsonas.base.errors import UserError

DEEP = 1000
BOMB = 'a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n' + ''.join(
    f'a{level}: &a{level} [{", ".join([f"*a{level - 1}"] * 10)}]\n' for level in range(1, 12)
)
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**50), 10**50)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(PLAIN)
def test_json_is_read_as_it_was_written(content):
    text = json.dumps(content)
    if '\\u0000' in text:
        with pytest.raises(UserError, match='holds a NUL character'):
            documents.parse_json(text, 'x')
    else:
        assert documents.parse_json(text, 'x') == content


@given(
    st.dictionaries(
        st.from_regex('[a-z]{1,5}', fullmatch=True), st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9)
    )
)
def test_yaml_is_read_as_it_was_written(content):
    assert (documents.parse_yaml(yaml.safe_dump(content), 'x') or {}) == content


@pytest.mark.parametrize(
    'written, value',
    [
        ('1:1', '1:1'),
        ('"12"', '12'),
        ('1e-4', 1e-4),
        ('012', 12),
        ('.5', 0.5),
        ('-3', -3),
        ('2020-13-45', '2020-13-45'),
        ('~', None),
        ('', None),
        ('Yes', True),
        ('off', False),
        ('.inf', '.inf'),
        ('[1, [2, x]]', [1, [2, 'x']]),
        ("'<<'", '<<'),
        ('0x10', '0x10'),
    ],
)
def test_what_yaml_means(written, value):
    content = documents.parse_yaml(f'a: {written}\n', 'x')
    assert content == {'a': value} and type(content['a']) is type(value)


def test_aliases_and_merges_within_bounds():
    text = 'a: &a {x: 1, y: 2}\nb: &b {x: 3}\nc: {<<: [*b, *a], z: 4}\nd: {x: 5, <<: *a}\n1: *a\n'
    content = documents.parse_yaml(text, 'x')
    assert (
        content['c'] == {'x': 3, 'y': 2, 'z': 4} and content['d'] == {'x': 5, 'y': 2} and content['1'] == content['a']
    )


@pytest.mark.parametrize(
    'text, reason',
    [
        ('[' * DEEP + ']' * DEEP, 'nested too deep; accepted are 40'),
        ('[' * 42 + ']' * 42, 'nested too deep'),
        ('{"a":' * DEEP + '1' + '}' * DEEP, 'nested too deep'),
        ('[' * 10**6, 'nested too deep'),
        ('{"a": [1, NaN]}', "'a' is nan; accepted are finite numbers"),
        ('[-Infinity]', "'' is -inf; accepted"),
        ('{"b": {"c": 1e400}}', "'c' is inf; accepted"),
        ('[' + '9' * 5000 + ']', 'not JSON: a number of more than 100 digits'),
        ('{"b": {"a": 1, "a": 2}}', "not JSON: the key 'a' stands twice"),
        ('["a\\u0000b"]', "the text '.*' holds a NUL character"),
        ('{"a', 'not JSON: Unterminated'),
        ('', 'not JSON'),
    ],
    ids=lambda value: value[:12],
)
def test_json_beyond_bounds(text, reason):
    with pytest.raises(UserError, match=f'^some.json: {reason}') as info:
        documents.parse_json(text, 'some.json')
    assert len(str(info.value)) < 300 and '\n' not in str(info.value)


@pytest.mark.parametrize(
    'text, reason',
    [
        (BOMB, r'not YAML \(line [45]\): more than 10000 values'),
        ('[' * DEEP, 'not YAML .line 1.: nested too deep'),
        ('- ' * DEEP, 'not YAML .line 1.: nested too deep'),
        ('? ' * DEEP, 'not YAML .line 1.: nested too deep'),
        ('a: &a [*a]', "not YAML .line 1.: 'a' holds itself"),
        ('a: *b', 'not YAML .line 1.: found undefined alias'),
        ('a: !!python/object/apply:os.system [ls]', 'not YAML .line 1.: the tag .*python/object'),
        ('a: !!int x', 'not YAML .line 1.: the tag'),
        ('a: ! x', "not YAML .line 1.: the tag '!'"),
        ('a: 1\na: 2', "not YAML .line 2.: the key 'a' stands twice"),
        ('[1]: 2', 'not YAML .line 1.: a key that is no text'),
        ('<<: 3', 'not YAML .line 1.: << takes'),
        ('a: 1e400', "not YAML .line 1.: '1e400' is not a finite number"),
        (f'a: {"9" * 5000}', 'not YAML .line 1.: a number of more than 100 digits'),
        ('a: "\\UFFFFFFFF"', 'not YAML'),
        (f'%YAML {"9" * 5000}.1\n---\na: 1', 'not YAML'),
        ('a: "\\0"', "the text '.*' holds a NUL character"),
        ('a: \x1b', 'not YAML'),
        ('--- 1\n--- 2', 'not YAML'),
        ('a: [', 'not YAML'),
        ('x' * 300_000, 'more than 200000 characters'),
        ('[' + '1,' * 50_000 + ']', 'not YAML .line 1.: more than 10000 values'),
    ],
    ids=lambda value: value[:12],
)
def test_yaml_beyond_bounds(text, reason):
    started = time.process_time()
    with pytest.raises(UserError, match=f'^some.yaml: {reason}') as info:
        documents.parse_yaml(text, 'some.yaml')
    assert len(str(info.value)) < 300 and '\n' not in str(info.value) and time.process_time() - started < 10


@given(st.text() | st.binary().map(lambda content: content.decode('latin-1')))
def test_any_text_is_plain_data_or_one_line(text):
    for parse in (documents.parse_yaml, documents.parse_json):
        try:
            parse(text, 'x')
        except UserError as error:
            assert str(error).startswith('x: ') and len(str(error)) < 300 and str(error).isprintable()


@pytest.mark.parametrize('read', [documents.read_json, documents.read_yaml])
def test_files(read, tmp_path):
    path = str(tmp_path / 'x')
    (tmp_path / 'x').write_bytes(b'\xef\xbb\xbf[1, "\xc3\xa4"]')  # with a byte order mark
    assert read(path) == [1, 'ä']
    (tmp_path / 'x').write_bytes(b'\xff\xfe')
    with pytest.raises(UserError, match='x: not .*: not UTF-8'):
        read(path)
    with open(path, 'wb') as stream:
        stream.truncate(10**12)  # no bytes on the disk
    with pytest.raises(UserError, match='x: more than .* bytes'):
        read(path)
    os.remove(path)
    for make, error in ((os.mkfifo, UserError), (os.mkdir, IsADirectoryError)):
        make(path)
        with pytest.raises(error) as info:
            read(path)
        assert path in (str(info.value) if error is UserError else info.value.filename)
        (os.remove if error is UserError else os.rmdir)(path)
    with pytest.raises(FileNotFoundError):
        read(path)
