"""The operators of a network by device, and the workarounds for those that MXNet computes wrongly or slowly.

- `kernels.py`        selects the operators of a network by device
- `operators.py`      as MXNet computes them, exactly, and with synchronised statistics
- `cpu.py`            as oneDNN computes them fastest
- `native.py`         compiles and loads the operator of symbols/native/
- `padding.py`        fills the blocks of channels that oneDNN computes side by side, with zeros
- `gradient_sums.py`  keeps MXNet from adding up gradients wrongly where an array is used often
- `layout.py`         brings arrays out of oneDNN's blocked layouts
- `finite.py`         whether many arrays are finite, in one flag
- `types.py`          names for MXNet's types in signatures

docs/mxnet.md lists every fault of MXNet that the project works around, with the place and the test.
"""
