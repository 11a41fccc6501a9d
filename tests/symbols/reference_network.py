"""A derived network written from eq. 1 on names of edges alone: h_i = O_i(sum of what feeds it), and R over what reaches the output."""

import mxnet as mx

from dsonas.symbols.backend import padding
from dsonas.symbols.operations import OPERATIONS


class Reference:
    """The forward pass of a Network, from its Parameters by name; train: batch norm over the batch instead of running statistics."""

    def __init__(self, net, train=False):
        self.space, self.architecture, self.train = net.architecture.space, net.architecture, train
        self.values = {
            name[len(net.prefix) :]: mx.nd.array(padding.stored(parameter, parameter.data().asnumpy()))
            for name, parameter in net.collect_params().items()
        }

    def __call__(self, x):
        """(batch, 3, height, width) → logits (batch, classes)."""
        if self.space.stem == 'cifar':
            x = self.conv_bn_relu(x, 'stem_')
        else:
            x = self.conv_bn_relu(self.conv_bn_relu(x, 'stem_0_', 2), 'stem_1_', 2)
        block = 0
        for stage, count in enumerate(self.space.blocks):
            if stage:
                branches = self.architecture.reduction_branches(stage - 1)
                x = sum(self.conv_bn_relu(x, f'r{stage - 1:02d}_{branch}_', 2) for branch in branches)
            for place in range(count):
                x = self.block(x, block, place == 0)
                block += 1
        x = self.bn_relu(x, 'head_bn_').mean(axis=3).mean(axis=2)
        return mx.nd.dot(x, self.values['head_dense_weight'].T) + self.values['head_dense_bias']

    def block(self, x, block, first):
        feeds = {}
        for name in self.architecture.edges(block):
            target, source = name.split('/')[1].split('<-')
            feeds.setdefault(target, []).append(source)
        if not feeds:
            return x
        prefix, maps = f'b{block:02d}_', {'in': x}

        def output_of(name):
            if name not in maps:
                fed = sum(output_of(source) for source in feeds.get(name, ['in']))  # eq. 1
                maps[name] = self.operation(fed, prefix + name.replace('.', '_') + '_', name.split('.')[1])
            return maps[name]

        joined = mx.nd.concat(*[output_of(name) for name in feeds['out']], dim=1)
        gathered = self.bn_relu(self.conv(joined, self.values[prefix + 'out_weight']), prefix + 'out_bn_')
        return gathered + (self.conv_bn_relu(x, prefix + 'shortcut_') if first else x)

    def operation(self, x, prefix, operation):
        kind, _, size = operation.rpartition('_')
        pad = int(size[0]) // 2
        if kind == 'avg_pool':
            x = mx.nd.Pooling(x, kernel=(2 * pad + 1,) * 2, pad=(pad, pad), pool_type='avg', count_include_pad=True)
        elif kind == 'max_pool':
            x = mx.nd.Pooling(x, kernel=(2 * pad + 1,) * 2, pad=(pad, pad), pool_type='max')
        else:
            assert kind == 'sep_conv' and operation in OPERATIONS
            x = self.conv(x, self.values[prefix + 'depthwise_weight'], groups=x.shape[1])
            x = self.conv(x, self.values[prefix + 'pointwise_weight'])
        return self.bn_relu(x, prefix + 'bn_')

    def conv_bn_relu(self, x, prefix, stride=1):
        return self.bn_relu(self.conv(x, self.values[prefix + 'conv_weight'], stride), prefix + 'bn_')

    @staticmethod
    def conv(x, weight, stride=1, groups=1):
        kernel = weight.shape[2]
        return mx.nd.Convolution(
            x,
            weight,
            kernel=(kernel, kernel),
            stride=(stride, stride),
            pad=(kernel // 2, kernel // 2),
            num_filter=weight.shape[0],
            num_group=groups,
            no_bias=True,
        )

    def bn_relu(self, x, prefix):
        gamma, beta, mean, var = (
            self.values[prefix + part].reshape((1, -1, 1, 1))
            for part in ('gamma', 'beta', 'running_mean', 'running_var')
        )
        if self.train:
            mean = x.mean(axis=(0, 2, 3), keepdims=True)
            var = mx.nd.square(mx.nd.broadcast_sub(x, mean)).mean(axis=(0, 2, 3), keepdims=True)
        x = mx.nd.broadcast_div(mx.nd.broadcast_sub(x, mean), mx.nd.sqrt(var + 2e-5))
        return mx.nd.relu(mx.nd.broadcast_add(mx.nd.broadcast_mul(x, gamma), beta))
