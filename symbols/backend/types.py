"""Names for MXNet's types in signatures. MXNet has no annotations, so a type checker takes all of them for Any."""

from typing import Any, Tuple

Array = Any  # an NDArray, or a Symbol while a graph is built
NDArray = Any  # mx.nd.NDArray
Operators = Any  # the F of hybrid_forward: the module mx.nd, or mx.sym while a graph is built
Block = Any  # mx.gluon.HybridBlock
Parameter = Any  # mx.gluon.Parameter
ParameterDict = Any  # mx.gluon.ParameterDict
Context = Any  # mx.Context, a device
Shape = Tuple[int, ...]
