"""What a run shows: its report as an HTML page, its curves, and the FLOPs of its blocks.

the sentence that says it all    answer.py
bars beside baselines            beside.py
the page and its sections        report.py, page.py, templates/
name, further numbers            parts.py
curves of the search             curves.py, lambdas.py (every λ), timeline.py (their axis)
λ as heat maps                   gates.py
data, tests on other data        data.py, samples.py (images)
confusion, worst images          errors.py
settings, machine, commands      settings.py
FLOPs of runs for charts         flops.py
"""
