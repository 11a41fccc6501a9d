"""Runs as tools see them: whole ones and damaged ones, the network behind one, and which belong together.

a file of a run directory        runfiles/ at the root, which reads and checks each
a run, and runs in a folder      runs.py; finished, unfinished or damaged
a run or an architecture file    sources.py
what makes results comparable    recipe.py: how a network was trained and tested, and in what two of them differ
runs that belong together        experiments.py: equal but for the seed; their kind, their search cost, means
"""
