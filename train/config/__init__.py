"""The configuration of a run, and how it is made from defaults, presets, files and flags.

- `tree.py`      the tree of all keys: type, default, meaning, accepted values; `data` and `space` are described where they are used
- `changes.py`   what is other than the preset
- `settings.py`  resolves, checks, compares and writes configurations
- `pairs.py`     keys of which one makes another meaningless
- `placing.py`   which data set lies in a folder that is given without its name
- `flags.py`     the command line that the scripts share
"""
