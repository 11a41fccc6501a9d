"""Networks of gluoncv as baselines: their kind as it is written, and what their counter says it could not count."""

import pytest
from mxnet.gluon import nn

from dsonas.symbols import known
from dsonas.symbols.kinds import NetworkKind


@pytest.mark.parametrize('text', ['searched', 'random', 'full', 'gluoncv:cifar_resnet20_v1'])
def test_a_kind_is_written_as_it_was_read(text):
    kind = NetworkKind.parse(text)
    assert str(kind) == text
    assert kind.zoo_name == ('cifar_resnet20_v1' if ':' in text else None)


def test_the_kind_of_a_network_of_the_zoo():
    assert NetworkKind.of_zoo('resnet18_v1') == NetworkKind.parse('gluoncv:resnet18_v1')


def test_operators_without_a_count_are_named():
    def network(*extra):
        net = nn.HybridSequential(prefix='net_')
        with net.name_scope():
            net.add(nn.Conv2D(4, 3, padding=1, in_channels=3), nn.BatchNorm(), nn.Activation('relu'), *extra)
        return net

    counted = known.count(network(), 8)
    assert (counted.params, counted.flops, counted.uncounted) == (4 * 27 + 4 + 2 * 4, 4 * 27 * 64, ())
    more = known.count(network(nn.Conv2DTranspose(4, 3, padding=1, in_channels=4)), 8)
    assert more.uncounted == ('Deconvolution',) and (more.flops, more.mac) == (counted.flops, counted.mac)
