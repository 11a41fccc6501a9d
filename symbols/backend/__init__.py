"""How MXNet computes what networks are made of, and the workarounds for what it computes wrongly or slowly.

- `kernels.py`        the operators of a network, chosen by device
- `gradient_sums.py`  keeps MXNet from adding up gradients wrongly where an array is used often
- `layout.py`         brings arrays out of oneDNN's blocked layouts
- `finite.py`         whether many arrays are finite, in one flag

docs/mxnet.md lists every fault of MXNet that the project works around, with the place and the test.
"""
