"""What a network looks like.

Each network is one function from the side of its input and the number of names to a Keras model. Images go in
as they are, RGB from 0 to 255, shape (batch, size, size, 3), also where the network then sees them in gray:
its preprocessing is part of the model. Probabilities come out, shape (batch, classes). The head is the layer
`names` and every layer whose name begins with `head`; the rest is the backbone.

A network registered in `facekit.base.plugins`, or by an entry point in the group `facekit.network`, is trained,
scored and loaded like facekit's own. Importing this package does not load Keras.
"""

from facekit.networks.catalogue import NETWORKS, About, Built, build, check_size, weight_shapes

__all__ = ["NETWORKS", "About", "Built", "build", "check_size", "weight_shapes"]
