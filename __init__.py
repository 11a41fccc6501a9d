"""DSO-NAS on Apache MXNet Gluon: search an architecture by pruning a completely connected supernet with sparse scaling factors."""

__version__ = '0.1.0'
