"""The parts of the page that tools/report.py writes: page.py is its frame, the others each write sections of it.

the result, settings, commands   parts.py
λ over time                      gates.py
confusion, worst images          errors.py
"""
