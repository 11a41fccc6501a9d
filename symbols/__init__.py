"""What a network is: the search space, the supernet with its scaling factors λ, the architecture, the derived network, their cost.

A new candidate operation is one entry in operations.py; the order and the names of edges are space.py's alone;
what is plain data (space, architecture, cost, budget) imports no MXNet, what computes (gates, blocks, supernet, network) does.
backend/ holds the operators by device, and the workarounds for MXNet's faults.
known.py has the yardsticks of gluoncv's model zoo; latency.py measures.
"""
