"""What a run shows: its report as an HTML page, its curves, and the FLOPs of its blocks.

the result, settings, commands   parts.py
λ over time                      gates.py
data, tests on other data        data.py
confusion, worst images          errors.py
"""
