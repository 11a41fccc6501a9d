"""Use a trained network from Python.

from dsonas.tools.using import Predictor
predictor = Predictor('runs/mine')
predictor.predict('photo.jpg')          # [[('cat', 0.93)]]

the network as a function of images      predictor.py
predictions as text                      formats.py
"""

from .predictor import Predictor

__all__ = ['Predictor']
