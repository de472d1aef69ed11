"""A detector, an embedder and a network for facekit, in a package of their own."""

import cv2
import numpy as np

from facekit.base import images
from facekit.base.contract import Box, Face

UNIFORM = [code for code in range(256) if bin(code ^ (code >> 1 | (code & 1) << 7)).count("1") <= 2]
"""Patterns of eight neighbours with one light and one dark run; all others share one bin."""
BINS = np.full(256, len(UNIFORM))
BINS[UNIFORM] = np.arange(len(UNIFORM))


class Middle:
    """Takes the middle of each photo for a face, as in passport photos."""

    def __init__(self, share):
        self.share = share

    def detect(self, image):
        height, width = image.shape[:2]
        side = round(self.share * min(height, width))
        return [Face(Box((width - side) // 2, (height - side) // 2, side, side), score=1.0)]


def middle(crop):
    """Return the detector. `crop` has the options of `facekit crop`."""
    return Middle(share=0.6)


class Lbp:
    """Histograms of local binary patterns (Ahonen 2006). Face networks are far better."""

    name, version, metric, licence = "lbp", "1", "euclidean", "none: it has no weights"
    side, cells, dimensions = 96, 6, 6 * 6 * (len(UNIFORM) + 1)
    threshold = 0.73
    accuracy = "66.6% on LFW's development pairs, measured by `facekit evaluate-pairs`"

    def align(self, image, box=None):
        """Return the face in the box, or the whole picture, as a square."""
        square = images.square(box, 0.0) if box else images.whole(image)
        return images.resize(images.cut(image, square), self.side)

    def embed(self, faces):
        """Return a vector of length 1 for each face."""
        found = [self.histograms(face) for face in faces]
        return np.array(found, np.float32).reshape(-1, self.dimensions)

    def histograms(self, face):
        gray = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY).astype(np.int16)
        codes = np.zeros((self.side - 2, self.side - 2), np.uint8)
        around = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
        for bit, (y, x) in enumerate(around):  # each pixel against its eight neighbours
            neighbours = gray[y : y + self.side - 2, x : x + self.side - 2]
            codes |= (neighbours >= gray[1:-1, 1:-1]).astype(np.uint8) << bit
        strips = np.array_split(BINS[codes], self.cells)
        cells = [cell for strip in strips for cell in np.array_split(strip, self.cells, axis=1)]
        bins = len(UNIFORM) + 1
        counts = np.concatenate([np.bincount(cell.ravel(), minlength=bins) for cell in cells])
        return np.sqrt(counts / counts.sum())


def mobilenet_v3(size, classes, color="rgb"):
    """Return MobileNet V3 (Howard 2019), from pixels to a probability for each label."""
    # Imported here, so that Keras loads only when a network is built.
    from facekit.networks.assembly import image_input, name_output
    from facekit.networks.backend import keras

    inputs, x = image_input("mobilenet_v3", size, color)  # scales pixels to -1 to 1
    body = keras.applications.MobileNetV3Small(
        input_tensor=x, include_top=False, weights=None, pooling="avg", include_preprocessing=False
    )
    return name_output(inputs, body.output, classes, "mobilenet_v3")
