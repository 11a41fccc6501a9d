"""The experiments of the paper as data, and what runs them.

experiments/tables.yaml, read      catalogue.py
the commands of an experiment      steps.py
run, skipped, resumed              running.py
"""
