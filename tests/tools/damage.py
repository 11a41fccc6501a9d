"""Damage to the files of a run, drawn from a seed: what a disk, a careless editor or a stranger may do to them."""

import hashlib
import io
import json
import os
import shutil

import numpy as np
import yaml

DEEP = 'a deep document'
BAD = [
    None, True, False, -1, 0, 1, 0.5, -0.5, 101, 2**31, 2**63, 10**30, 1e308, float('nan'), float('inf'), '', 'x', '²', 'x' * 5000,
    '\x1b[31m|`<b>', '\u202e\n', '\ud800', '../../x', [], {}, [1], ['x'], [[]], [None] * 3, {'x': 1}, [-1, 0], [10**6] * 3, DEEP,
]  # fmt: skip
CELLS = ['', 'x', '-1', 'nan', 'inf', '1e400', '²', '9' * 400, '0.5', '101', '"', '\0', '\x1b', 'search', '1,2', '-']


def damage(folder, name, generator):
    """Damage one file of a run; returns what was done, as text."""
    path = os.path.join(folder, name)
    kinds = [flip, flip, cut, empty, remove, replace, noise, folder_instead]
    if name.endswith(('.json', '.yaml')):
        kinds += [value] * 8 + [nested]
    elif name.endswith('.csv'):
        kinds += [field] * 6 + [lines] * 2
    elif name.endswith('.npz'):
        kinds += [array] * 8
    elif name.endswith('.params'):
        kinds += [sealed] * 8
    kind = kinds[generator.randint(len(kinds))]
    return f'{name}: {kind.__name__} {kind(path, generator)}'


def _content(path):
    with open(path, 'rb') as stream:
        return bytearray(stream.read())


def _write(path, content):
    with open(path, 'wb') as stream:
        stream.write(content)


def flip(path, generator):
    content = _content(path)
    place, bit = generator.randint(len(content)), generator.randint(8)
    content[place] ^= 1 << bit
    _write(path, content)
    return f'bit {bit} of byte {place}'


def cut(path, generator):
    content = _content(path)
    place = generator.randint(len(content))
    _write(path, content[:place])
    return f'after {place} bytes'


def empty(path, generator):
    _write(path, b'')
    return ''


def remove(path, generator):
    os.remove(path)
    return ''


def replace(path, generator):
    """By another file of the run."""
    folder = os.path.dirname(path).replace(os.sep + 'checkpoints', '')
    others = [name for name in sorted(os.listdir(folder)) if os.path.isfile(os.path.join(folder, name))]
    others.remove(os.path.basename(path)) if os.path.basename(path) in others else None
    other = others[generator.randint(len(others))]
    shutil.copyfile(os.path.join(folder, other), path)
    return f'by {other}'


def noise(path, generator):
    content = _content(path)
    for _ in range(10):
        content[generator.randint(len(content))] = generator.randint(256)
    _write(path, content)
    return ''


def folder_instead(path, generator):
    os.remove(path)
    os.mkdir(path)
    return ''


def value(path, generator):
    """Of a JSON or YAML document: another value, no value, or another name."""
    is_json = path.endswith('.json')
    with open(path, encoding='utf-8') as stream:
        content = json.load(stream) if is_json else yaml.safe_load(stream)
    places = list(_places(content))
    keys = places[generator.randint(len(places))]
    parent = content
    for key in keys[:-1]:
        parent = parent[key]
    bad, way = BAD[generator.randint(len(BAD))], generator.randint(8)
    if way == 0:
        del parent[keys[-1]]
        done = f'{keys} gone'
    elif way == 1 and isinstance(parent, dict):
        parent[f'{keys[-1]}_'] = parent.pop(keys[-1])
        done = f'{keys} renamed'
    else:
        parent[keys[-1]] = bad
        done = f'{keys} = {str(bad)[:20]!r}'
    text = json.dumps(content) if is_json else yaml.safe_dump(content)
    _write(path, text.replace(f'"{DEEP}"' if is_json else DEEP, '[' * 900 + ']' * 900).encode('utf-8', 'surrogatepass'))
    return done


def _places(content, before=()):
    for key in content if isinstance(content, dict) else range(len(content)):
        yield (*before, key)
        if isinstance(content[key], (dict, list)):
            yield from _places(content[key], (*before, key))


def nested(path, generator):
    text = [
        '[' * 5000,
        '{"a":' * 2000,
        '[' * 100 + ']' * 100,
        'a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]',
        'null',
        '3',
        '"x"',
        '[]',
        '{}',
    ]
    chosen = text[generator.randint(len(text))]
    _write(path, chosen.encode())
    return chosen[:10]


def field(path, generator):
    rows = _content(path).decode().splitlines()
    number = generator.randint(len(rows))
    fields = rows[number].split(',')
    place, cell = generator.randint(len(fields)), CELLS[generator.randint(len(CELLS))]
    fields[place] = cell
    rows[number] = ','.join(fields)
    _write(path, ('\n'.join(rows) + '\n').encode())
    return f'line {number + 1}, field {place + 1} = {cell[:9]!r}'


def lines(path, generator):
    rows = _content(path).decode().splitlines()
    number, way = generator.randint(len(rows)), generator.randint(3)
    rows[number : number + 1] = [[], [rows[number]] * 2, [rows[number] + ',']][way]
    _write(path, ('\n'.join(rows) + '\n').encode())
    return f'line {number + 1}, {("gone", "twice", "longer")[way]}'


def array(path, generator):
    """Of an archive: another array in the place of one."""
    with np.load(path) as archive:
        arrays = dict(archive)
    name = sorted(arrays)[generator.randint(len(arrays))]
    old = arrays[name]
    ways = [
        None,
        old[:-1] if old.ndim else old,
        old[..., None],
        old.astype('U8'),
        np.zeros(0),
        np.full(old.shape, 2**31),
        np.full(old.shape, -1),
        np.full(old.shape, np.nan),
        np.full(old.shape, 'x\x1b\u202e|'),
        np.zeros((3, 3), 'c8'),
        np.array({}, dtype=object),
        np.array(3),
        old[::-1],
    ]
    way = generator.randint(len(ways))
    arrays[name] = ways[way]
    stream = io.BytesIO()
    np.savez_compressed(stream, **{key: entry for key, entry in arrays.items() if entry is not None})
    _write(path, stream.getvalue())
    return f'{name} in way {way}'


def sealed(path, generator):
    """Wrong parameters whose checksum is right."""
    content = _content(path)
    if generator.randint(3):
        for _ in range(1 + generator.randint(3)):
            content[generator.randint(min(len(content), (100, len(content))[generator.randint(2)]))] ^= (
                1 << generator.randint(8)
            )
    else:
        content = content[: generator.randint(len(content))]
    _write(path, content)
    description = os.path.join(os.path.dirname(path), 'network.json')
    with open(description, encoding='utf-8') as stream:
        described = json.load(stream)
    described['sha256'] = hashlib.sha256(content).hexdigest()
    with open(description, 'w', encoding='utf-8') as stream:
        json.dump(described, stream)
    return ''
