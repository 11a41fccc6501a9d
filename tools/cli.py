"""What every tool's command line shares: defaults in --help, checked output names, and one line for a user's mistake."""
import argparse
import os
import sys
import traceback

from ..base.errors import UserError

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PICTURES = ('svg', 'png', 'pdf')


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Shows defaults where there is one to show."""

    def _get_help_string(self, action):
        return action.help if action.default is None or action.default is False else super()._get_help_string(action)


def parser(description, **options):
    """An ArgumentParser whose --help shows every default. description: a tool's docstring, of which the first line is shown."""
    return argparse.ArgumentParser(description=description.strip().splitlines()[0],
                                   formatter_class=_Help, **options)


def output_kind(path, accepted=PICTURES):
    """The kind of file that `path` names, by its suffix, lower case and without the dot.

    Raises ValueError, naming what is accepted, for another suffix and for a folder that does not exist.
    """
    kind = os.path.splitext(path)[1].lstrip('.').lower()
    if kind not in accepted:
        raise UserError('%s: accepted are files that end in %s' % (path, ', '.join('.' + name for name in accepted)))
    folder = os.path.dirname(path) or '.'
    if not os.path.isdir(folder):
        raise UserError('%s: there is no folder %s to write it to' % (path, folder))
    return kind


def say(error):
    """An error as one line that names its file."""
    if isinstance(error, OSError) and error.filename:
        return '%s: %s' % (error.filename, error.strerror)
    return ' '.join(str(error).split())


def run(main, argv=None):
    """main(argv), with a user's mistake (an OSError, or a ValueError that this package raised) as one line on stderr.

    Returns the exit status.
    """
    try:
        return main(sys.argv[1:] if argv is None else argv) or 0
    except BrokenPipeError:                       # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError) as error:
        raised_in = os.path.abspath(traceback.extract_tb(error.__traceback__)[-1].filename)
        if isinstance(error, ValueError) and not raised_in.startswith(PACKAGE + os.sep):
            raise
        print('%s: error: %s' % (os.path.basename(sys.argv[0]), say(error)), file=sys.stderr)
        return 2
