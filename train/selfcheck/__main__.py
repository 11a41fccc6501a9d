"""Run one check in this process: python -m dsonas.train.selfcheck NAME --gpus 0,1."""

import argparse
import json
import traceback
from typing import Any, Dict, Sequence

from ...base import argtypes, cli
from ...base.text import clipped
from ..runtime.devices import parse_gpus
from .catalogue import CHECKS
from .target import Mismatch, Skipped, Target

LONGEST = 300  # characters of a reason


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = cli.parser(__doc__)
    parser.add_argument('check', choices=sorted(CHECKS))
    devices = parser.add_mutually_exclusive_group(required=True)
    devices.add_argument('--gpus', help='GPUs such as 0-3 or 0,2')
    devices.add_argument('--cpus', type=argtypes.DEVICES, help='so many CPU devices in the place of GPUs')
    return parser


def outcome(check: str, target: Target) -> Dict[str, Any]:
    """Return status, detail and figures of a check, whatever becomes of it."""
    try:
        figures = CHECKS[check](target)
    except Skipped as reason:
        return {'status': 'skipped', 'detail': str(reason), 'figures': {}}
    except Mismatch as fault:
        return {'status': 'failed', 'detail': str(fault), 'figures': {}}
    except Exception as error:  # of any kind: the report is the place for it
        traceback.print_exc()
        first = next((line for line in str(error).splitlines() if line.strip()), '')
        return {'status': 'failed', 'detail': clipped(f'{type(error).__name__}: {first}', LONGEST), 'figures': {}}
    return {'status': 'ok', 'detail': '', 'figures': figures}


def main(argv: Sequence[str]) -> int:
    """Run the check and print its outcome as one line of JSON."""
    options = arguments().parse_args(argv)
    target = Target(gpus=tuple(parse_gpus(options.gpus))) if options.gpus else Target(cpus=options.cpus or 1)
    print(json.dumps(outcome(options.check, target)))
    return 0


if __name__ == '__main__':
    cli.main(main)
