"""The ground floor: what every part of the package may use. It imports nothing of the rest of the package, and no MXNet.

errors.py      UserError, a mistake of the user; EndOfRun, the end of a command before its work is done
cli.py         how a command ends and with which exit status, its --help, the names of its output files
files.py       files written whole or not at all
cache.py       the folder of files that are kept between runs
text.py        numbers with units, read and written; tables in columns
tables.py      rows that are a table for people and plain data for programs
pictures.py    who draws what in a notebook
registry.py    one kind of registry for operations, penalties, schedules, data sets, callbacks
keys.py        keys of a configuration, as fields of the dataclasses that use them
argtypes.py    numbers read strictly, and the types of flags that take them
limits.py      the most that a configuration, a flag or a file may ask for
progress.py    what a command is doing: one line on a terminal, or one every half minute
names.py       names of a fixed set as an enumeration
plugins.py     modules outside the package that register such things
machine.py     the machine, for who reads what was measured on it
"""
