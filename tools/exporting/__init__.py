"""A trained network as a file that others run: ONNX or an MXNet symbol, checked against the network on real images, with a model card."""
