"""What the networks in PyTorch are made of, as one would write them. It needs nothing but PyTorch, and is imported as a file beside it."""

from typing import Any, Dict, Iterator, Mapping, Tuple

import torch
from torch import nn

KERNELS = {'sep_conv_3x3': 3, 'sep_conv_5x5': 5}
POOLS = {'avg_pool_3x3': 'AvgPool2d', 'max_pool_3x3': 'MaxPool2d'}
LAYOUTS = {False: torch.contiguous_format, True: torch.channels_last}


def named(layer: nn.Module, name: str) -> Any:
    """Give a layer the name that its parameters have in MXNet's network."""
    layer.mxnet_name = name
    return layer


def batch_norm(channels: int, name: str = '', train_gamma: bool = False) -> nn.Module:
    """Batch norm; γ is fixed to 1 unless train_gamma."""
    layer = nn.BatchNorm2d(channels, eps=2e-5, momentum=0.1)
    layer.weight.requires_grad_(train_gamma)
    return named(layer, name)


def conv_bn_relu(
    channels_in: int, channels: int, kernel: int, stride: int = 1, name: str = '', train_gamma: bool = False
) -> nn.Module:
    """Convolution, batch norm, ReLU."""
    return nn.Sequential(
        named(nn.Conv2d(channels_in, channels, kernel, stride, kernel // 2, bias=False), name + 'conv_'),
        batch_norm(channels, name + 'bn_', train_gamma),
        nn.ReLU(inplace=True),
    )


def operation(operation: str, channels: int, name: str = '', train_gamma: bool = False) -> nn.Module:
    """A candidate operation with its batch norm and ReLU."""
    if operation in KERNELS:
        kernel = KERNELS[operation]
        depthwise = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False)
        pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        layers = [named(depthwise, name + 'depthwise_'), named(pointwise, name + 'pointwise_')]
    else:
        layers = [getattr(nn, POOLS[operation])(3, 1, 1)]
    return nn.Sequential(*layers, batch_norm(channels, name + 'bn_', train_gamma), nn.ReLU(inplace=True))


def stem(kind: str, channels: int, train_gamma: bool = False) -> nn.Module:
    """The stem 'cifar' or 'imagenet'."""
    if kind == 'cifar':
        return conv_bn_relu(3, channels, 3, name='stem_', train_gamma=train_gamma)
    return nn.Sequential(
        conv_bn_relu(3, channels // 2, 3, 2, 'stem_0_', train_gamma),
        conv_bn_relu(channels // 2, channels, 3, 2, 'stem_1_', train_gamma),
    )


def parameters(net: nn.Module) -> Iterator[Tuple[str, torch.Tensor]]:
    """Yield (name in MXNet's network, tensor) of every parameter and running statistic."""
    for layer in net.modules():
        name = getattr(layer, 'mxnet_name', None)
        if name is None:
            continue
        if isinstance(layer, nn.BatchNorm2d):
            yield name + 'gamma', layer.weight
            yield name + 'beta', layer.bias
            yield name + 'running_mean', layer.running_mean
            yield name + 'running_var', layer.running_var
        else:
            yield name + 'weight', layer.weight
            if getattr(layer, 'bias', None) is not None:
                yield name + 'bias', layer.bias


def fill(net: nn.Module, arrays: Mapping[str, Any]) -> None:
    """Set every parameter of a network from arrays by the name that it has in MXNet's. Raises ValueError where names or shapes differ."""
    own: Dict[str, torch.Tensor] = dict(parameters(net))
    if set(own) != set(arrays):
        raise ValueError(f'parameters differ: {sorted(set(own) ^ set(arrays))}')
    with torch.no_grad():
        for name, tensor in own.items():
            if tensor.shape != arrays[name].shape:
                raise ValueError(f'{name}: {tuple(tensor.shape)} against {arrays[name].shape}')
            tensor.copy_(torch.from_numpy(arrays[name]))
