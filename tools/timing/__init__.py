"""Benchmarks: what they time, and how.

a step of the search             common.py (flags, processes, ratios), clocks.py, operators.py (shares of time by operator)
what a step is compared with     naive_supernet.py; torch_supernet.py of torch_parts.py, which need PyTorch alone
a step of a derived network      derived_worker.py; torch_network.py from plans.py, a network as plain data
input pipelines                  pipelines.py, and consumption.py: what training takes of them
trained networks                 latency.py
"""
