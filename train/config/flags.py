"""The flags that the entry points share: the frequent ones, and --set for every key."""

import argparse
from typing import Any, Dict, Optional

from ...base import cli, plugins
from . import settings
from .tree import leaves


class _Keys(argparse.Action):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(nargs=0, **kwargs)

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: Optional[str] = None,
    ) -> None:
        for name, key in leaves():
            choices = f' ({", ".join(key.choices)})' if key.choices else ''
            default = settings.show(key.default) or repr('')
            print(f'{name:28} {default:18} {key.help}{choices}')
        parser.exit()


def parser(description: str) -> argparse.ArgumentParser:
    """Make an ArgumentParser with the flags of every entry point that trains."""
    default = settings.flatten(settings.build({}))
    made = cli.parser(description)
    add = made.add_argument

    def flag(name: str, key: str, text: str) -> None:
        shown = settings.show(default[key])
        add(name, dest=key, default=None, help=f'{text} [{key}, default {shown or "none"}]')

    flag('--dataset', 'data.name', f'data set: {", ".join(settings.KEYS["data.name"].choices)}')
    flag(
        '--data-dir',
        'data.dir',
        "where it lies; without it gluon's place, $MXNET_HOME/datasets/NAME or ~/.mxnet/datasets/NAME",
    )
    flag('--gpus', 'train.gpus', 'GPUs such as 0-7 or 0,2; without it all that MXNet sees, else the CPU')
    flag('--cpus', 'train.cpus', 'use that many CPU devices')
    flag('--kvstore', 'train.kvstore', 'local, device, nccl, or dist_sync and dist_device_sync with tools/launch.py')
    flag('--run', 'run', 'run directory')
    flag('--seed', 'seed', 'the one seed')
    add('--resume', action='store_true', help='continue the run in --run from its newest checkpoint')
    add(
        '--allow-changes',
        action='store_true',
        help='let --resume go on with settings that differ from those of the run',
    )
    add('--preset', help=f'settings to start from: {", ".join(settings.presets())}')
    add('--config', metavar='FILE', help="YAML file of settings, such as a run's config.yaml")
    add('--set', action='append', default=[], metavar='KEY=VALUE', help='set any key; may be given again')
    plugins.add_flag(made)
    add('--keys', action=_Keys, help='list every key with its default and meaning')
    return made


def flags(arguments: argparse.Namespace, **derived: Any) -> Dict[str, Any]:
    """Return {dotted name: value} of the flags given, for settings.resolve.

    derived: further values, None where not given; dots of their keys are written as two underscores.
    """
    given = {name: value for name, value in vars(arguments).items() if name in settings.KEYS and value is not None}
    given.update({name.replace('__', '.'): value for name, value in derived.items() if value is not None})
    return given
