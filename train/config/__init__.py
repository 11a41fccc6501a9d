"""The configuration of a run, and how it is made from defaults, presets, files and flags.

- `tree.py`      every key: type, default, meaning, accepted values
- `settings.py`  resolves, checks, compares and writes configurations
- `flags.py`     the command line that the scripts share
"""
