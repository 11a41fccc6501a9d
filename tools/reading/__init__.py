"""What a run left on disk, read: its files, the network behind it, and runs as experiments. Every tool gets its runs from here.

    a file of a run directory        runfiles.py reads and checks each
    a run, and runs in a folder      runs.py; finished, unfinished or damaged
    a run or an architecture file    sources.py
    runs that belong together        experiments.py: equal but for the seed; their kind, their search cost, means
"""
