"""DSO-NAS on Apache MXNet Gluon: search an architecture by pruning a completely connected supernet with sparse scaling factors."""

from dsonas import installed  # absolute, since pytest imports this file under another name too

__version__ = '0.2.0.dev0'  # the one place of the version; pyproject.toml reads it from here

installed.explain_missing_mxnet()
