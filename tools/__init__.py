"""Look at runs and use their networks: drawings of blocks, curves, tables, the report, costs.

A tool knows symbols (what a network is), data, and what a run left on disk (runs.py); it knows nothing of training.
"""
