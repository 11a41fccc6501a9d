"""Networks: the search space, the supernet with its scaling factors λ, the architecture, the derived network, their cost.

A new candidate operation is one entry in operations.py; the order and the names of edges are space.py's alone;
plain data (nodes, space, edge_names, architecture, operations, cost, memory, budget, sampling, kinds, describing) imports no MXNet,
the networks (gates, units, blocks, cell, supernet, network) do.
backend/ holds the operators by device, and the workarounds for MXNet's faults. native/ is one operator of our own in C++, a block of a
network at once, which fusing.py describes blocks to and backend/native.py compiles.
describing.py says what people read when these are printed. known.py has the baselines of gluoncv's model zoo; latency.py measures times.
"""
