"""The command line that the entry points share: frequent flags, --set for every key, and what a user's mistake looks like."""
import argparse
import os
import sys
import traceback

from . import settings
from .config import leaves
from .stops import Stopped, TrainingError

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MISTAKE, FAILED = 2, 1      # exit statuses


class Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Defaults behind every flag that has one."""

    def _get_help_string(self, action):
        return action.help if action.default in (None, False, argparse.SUPPRESS, []) else super()._get_help_string(action)


class _Keys(argparse.Action):
    def __init__(self, **kwargs):
        super().__init__(nargs=0, **kwargs)

    def __call__(self, parser, namespace, values, option_string=None):
        for name, field in leaves():
            choices = field.metadata['choices']
            print('%-28s %-18s %s%s' % (name, settings.show(field.default) or "''", field.metadata['help'],
                                        ' (%s)' % ', '.join(choices) if choices else ''))
        parser.exit()


def parser(description):
    """An ArgumentParser with the flags of every entry point that trains."""
    default = settings.flatten(settings.build({}))
    made = argparse.ArgumentParser(description=description, formatter_class=Formatter)
    add = made.add_argument

    def flag(name, key, text, **more):
        shown = settings.show(default[key])
        add(name, dest=key, default=None, help='%s [%s, default %s]' % (text, key, shown or 'none'), **more)

    flag('--dataset', 'data.name', 'data set')
    flag('--data-dir', 'data.dir', "where it lies; without it gluon's place, $MXNET_HOME/datasets/NAME or ~/.mxnet/datasets/NAME")
    flag('--gpus', 'train.gpus', "GPUs such as 0-7 or 0,2; without it all that MXNet sees, else the CPU")
    flag('--cpus', 'train.cpus', 'use that many CPU devices')
    flag('--kvstore', 'train.kvstore', 'local, device, nccl, or dist_sync and dist_device_sync with tools/launch.py')
    flag('--run', 'run', 'run directory')
    flag('--seed', 'seed', 'the one seed')
    add('--resume', action='store_true', help='continue the run in --run from its newest checkpoint')
    add('--allow-changes', action='store_true', help='let --resume go on with settings that differ from those of the run')
    add('--preset', help='settings to start from: %s' % ', '.join(settings.presets()))
    add('--config', metavar='FILE', help="YAML file of settings, such as a run's config.yaml")
    add('--set', action='append', default=[], metavar='KEY=VALUE', help='set any key; may be given again')
    add('--keys', action=_Keys, help='list every key with its default and meaning')
    return made


def flags(arguments, **more):
    """{dotted name: value} of the flags given, for settings.resolve."""
    given = {name: value for name, value in vars(arguments).items() if name in settings.KEYS and value is not None}
    given.update({name.replace('__', '.'): value for name, value in more.items() if value is not None})
    return given


def main(entry):
    """Run `entry()`; exits with 2 and one line for a user's mistake, 1 for a failed training, 130 for SIGINT, 0 for SIGTERM."""
    try:
        status = entry()
    except Stopped as stopped:
        print(stopped, file=sys.stderr, flush=True)
        status = 130 if stopped.signal == 2 else 0
    except TrainingError as error:
        print('error: %s' % error, file=sys.stderr, flush=True)
        status = FAILED
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr, flush=True)
        status = 130
    except (ValueError, OSError) as error:
        if isinstance(error, ValueError) and not _ours(error):
            raise
        text = '%s: %s' % (error.filename, error.strerror) if getattr(error, 'strerror', None) and error.filename \
            else str(error)
        print('error: %s' % ' '.join(text.split()), file=sys.stderr, flush=True)
        status = MISTAKE
    if status and os.environ.get('DMLC_ROLE') == 'worker':
        sys.stdout.flush()
        os._exit(status)   # MXNet would wait for the other workers before it ends
    sys.exit(status or 0)


def _ours(error):
    """Whether a `raise` of this package's is behind it: then it is about what the user gave, and says so in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and os.path.abspath(frames[-1].filename).startswith(PACKAGE + os.sep) and frames[-1].line.startswith('raise ')
