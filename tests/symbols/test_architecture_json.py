"""Architectures as JSON: round trips, files written by hand, and what is refused in a file."""

import copy
import json

import pytest

from dsonas.symbols.architecture import Architecture

from .test_architecture import FULL, SHARE, SPACES


@pytest.mark.parametrize('space', SPACES.values(), ids=SPACES)
def test_round_trip(space, tmp_path):
    path = tmp_path / 'architecture.json'
    for architecture in (
        Architecture.random(space, 3, 0.3),
        Architecture.full(space),
        Architecture(space, [[]] * len(space.scopes)),
    ):
        architecture.save(str(path))
        read = Architecture.load(str(path))
        assert (
            read == architecture and hash(read) == hash(architecture) and read.to_dict() == json.loads(path.read_text())
        )
    assert [entry.name for entry in tmp_path.iterdir()] == ['architecture.json']
    assert architecture != Architecture.full(space)


def test_written_by_hand(tmp_path):
    path = tmp_path / 'mine.json'
    path.write_text("""{"format": "dsonas.architecture", "version": 1,
        "space": {"channels": 6, "blocks": [1, 1], "classes": 3},
        "blocks": {"shared": ["out<-L1.sep_conv_3x3", "L2.max_pool_3x3<-in", "shared/out<-L2.max_pool_3x3"]}}""")
    read = Architecture.load(str(path))
    assert read.operations(0) == ('L1.sep_conv_3x3', 'L2.max_pool_3x3') and read.reduction_branches(0) == (
        'conv_1x1',
        'conv_3x3',
    )


def damage(change, space=SHARE):
    values = copy.deepcopy(Architecture.full(space).to_dict())
    change(values)
    return json.dumps(values)


def swap(values, old, new):
    values['blocks']['shared'] = [new if name == old else name for name in values['blocks']['shared']]


OUT = 'shared/out<-L4.max_pool_3x3'
REFUSED = {
    'not JSON': ('{"format": ', 'Expecting value'),
    'empty': ('', 'Expecting value'),
    'not text': (b'\xff\xfe\x00', 'not UTF-8'),
    'a list': ('[]', '"format" is not "dsonas.architecture"'),
    'another format': (damage(lambda v: v.update(format='onnx')), '"format" is not "dsonas.architecture"'),
    'another version': (damage(lambda v: v.update(version=2)), 'version 2 is not 1, the one this program reads'),
    'no version': (damage(lambda v: v.pop('version')), 'version None is not 1'),
    'no space': (damage(lambda v: v.pop('space')), 'space: None is not a mapping'),
    'unknown key': (
        damage(lambda v: v.update(reduction=v.pop('reductions'))),
        "unknown key 'reduction'; accepted are format, version, space, blocks, reductions",
    ),
    'unknown field': (
        damage(lambda v: v['space'].update(width=3)),
        "space: unknown field 'width'; accepted are share, channels",
    ),
    'bad field': (damage(lambda v: v['space'].update(channels='48')), "space.channels: '48' is not a whole number"),
    'unknown operation of the space': (
        damage(lambda v: v['space'].update(operations=['conv_3x3'])),
        "space.operations: unknown operation 'conv_3x3'; accepted are sep_conv_3x3",
    ),
    'no blocks': (damage(lambda v: v.pop('blocks')), '"blocks" is missing or not a mapping'),
    'blocks a list': (damage(lambda v: v.update(blocks=[])), '"blocks" is missing or not a mapping'),
    'missing scope': (
        damage(lambda v: v['blocks'].pop('b01'), FULL),
        '"blocks": missing \'b01\'; accepted are b00, b01, b02',
    ),
    'unknown scope': (damage(lambda v: v['blocks'].update(b00=[])), '"blocks": unknown \'b00\'; accepted are shared'),
    'edges no list': (
        damage(lambda v: v['blocks'].update(shared='out')),
        '"blocks": \'shared\' is not a list of edge names',
    ),
    'unknown operation': (
        damage(lambda v: swap(v, OUT, 'shared/out<-L4.max_pool_5x5')),
        "block shared: unknown edge 'shared/out<-L4.max_pool_5x5'; operations of this space are sep_conv_3x3",
    ),
    'unknown level': (damage(lambda v: swap(v, OUT, 'out<-L5.max_pool_3x3')), 'levels of this space are L1 to L4'),
    'unknown end': (damage(lambda v: swap(v, OUT, 'out<-stem')), "an edge is written like 'out<-L4.max_pool_3x3'"),
    'backwards': (
        damage(lambda v: swap(v, OUT, 'L2.max_pool_3x3<-L3.max_pool_3x3')),
        'no edge runs from L3.max_pool_3x3 to L2.max_pool_3x3',
    ),
    'no arrow': (damage(lambda v: swap(v, OUT, 'L4.max_pool_3x3')), "an edge is written like 'out<-L4.max_pool_3x3'"),
    'wrong scope in name': (
        damage(lambda v: swap(v, OUT, 'b00/out<-L4.max_pool_3x3')),
        "unknown edge 'b00/out<-L4.max_pool_3x3'",
    ),
    'edge a number': (
        damage(lambda v: swap(v, OUT, 3)),
        "unknown edge 3; an edge is written like 'out<-L4.max_pool_3x3'",
    ),
    'edge a list': (
        damage(lambda v: swap(v, OUT, ['out'])),
        "unknown edge .*; an edge is written like 'out<-L4.max_pool_3x3'",
    ),
    'no reduction': (damage(lambda v: v['reductions'].pop('r00')), '"reductions": missing \'r00\'; accepted are r00'),
    'unknown reduction': (
        damage(lambda v: v['reductions'].update(r01=[])),
        '"reductions": unknown \'r01\'; accepted are r00',
    ),
    'unknown branch': (
        damage(lambda v: v['reductions'].update(r00=['r00/out<-conv_5x5'])),
        "reduction r00: unknown branch 'r00/out<-conv_5x5'; accepted are conv_1x1, conv_3x3",
    ),
    'branch a list': (damage(lambda v: v['reductions'].update(r00=[[]])), 'reduction r00: unknown branch'),
}


@pytest.mark.parametrize('case', REFUSED)
def test_refused_files(case, tmp_path):
    content, message = REFUSED[case]
    path = tmp_path / 'edited.json'
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=message) as error:
        Architecture.load(str(path))
    assert str(error.value).startswith(f'{path}: ') and '\n' not in str(error.value)


def test_absent_file_is_an_os_error(tmp_path):
    with pytest.raises(OSError):
        Architecture.load(str(tmp_path / 'none.json'))
