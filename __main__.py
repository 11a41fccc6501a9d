"""Run the console command as `python -m dsonas`."""

import sys

from .commands import main

if __name__ == '__main__':
    sys.exit(main())
