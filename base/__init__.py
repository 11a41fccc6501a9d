"""The ground floor: what every part of the package may use. It imports nothing of the rest of the package, and no MXNet.

    errors.py      UserError, a mistake of the user; EndOfRun, the end of a command before its work is done
"""
