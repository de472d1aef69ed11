"""What `facekit --help` lists, which imports no options class for it.

`make docs` writes this file from the classes, and a test compares the two. A command that is not in it yet is listed
all the same.
"""

from facekit.options.headings import Group

SUMMARIES: dict[str, tuple[Group, str | None, str]] = {
    "audit": (
        "clean",
        "augment",
        "Find pictures that appear in more than one part of a tree, or in both of two trees.",
    ),
    "augment": (
        "clean",
        "balance",
        "Fill each folder to exactly COUNT pictures with augmented copies of its training photos.",
    ),
    "balance": (
        "clean",
        "review",
        "Split the photos into train, test and validation, then bring each name's folder to exactly COUNT pictures.",
    ),
    "cache": (
        "manage",
        "doctor",
        "Show what facekit keeps in its cache, or clear it: embeddings of faces, which are biometric data, and weights.",  # noqa: E501
    ),
    "card": (
        "manage",
        "rejected",
        "Write the card of a data set, a model or a gallery: where it comes from, how good it is, what it is for.",
    ),
    "clean": (
        "clean",
        "crop",
        "Remove repeats, poor pictures, boxes without a face and other people, then names with too few pictures.",
    ),
    "compare": (
        "train",
        "train",
        "Train several networks on the same split and compare their scores in one table.",
    ),
    "crop": (
        "clean",
        None,
        "Find the face in each photo and save it as a square picture.",
    ),
    "cross-validate": (
        "train",
        "compare",
        "Train a run again on folds of its own pictures, and score each fold on the pictures held out.",
    ),
    "demo": (
        "manage",
        "run",
        "Draw invented people, scrape them with real browsers, train a model and score it.",
    ),
    "doctor": (
        "manage",
        "models",
        "Check what is installed and what is missing.",
    ),
    "draw": (
        "collect",
        "scrape",
        "Draw photos of invented people, in folders like those that `scrape` makes.",
    ),
    "enroll": (
        "use",
        "predict",
        "Enroll people in a gallery, so that `identify` can name them.",
    ),
    "evaluate": (
        "score",
        None,
        "Score a trained model on pictures that it was not trained on.",
    ),
    "evaluate-pairs": (
        "score",
        "evaluate",
        "Score how well an embedder tells whether two photos show the same person.",
    ),
    "expire": (
        "manage",
        "forget",
        "Remove all photos that were fetched too long ago from everything that facekit wrote, with a receipt.",
    ),
    "export": (
        "use",
        "predict",
        "Export a trained model for other programs: ONNX, LiteRT, TensorFlow Serving, Triton or PyTorch.",
    ),
    "forget": (
        "manage",
        "rejected",
        "Remove a person, or single photos, from everything that facekit wrote, with a receipt.",
    ),
    "gallery": (
        "use",
        "enroll",
        "Show or change who is in a gallery.",
    ),
    "identify": (
        "use",
        "gallery",
        "Name the faces in photos and videos by a gallery, or say that they are of strangers.",
    ),
    "ingest": (
        "collect",
        "scrape",
        "Read a public data set in its own layout, with its targets and its official split.",
    ),
    "inspect": (
        "score",
        "evaluate-pairs",
        "Show a trained network's filters and feature maps, and which parts of a picture drive its answer.",
    ),
    "keys": (
        "use",
        "serve",
        "Make, list and revoke the keys that programs need to ask `facekit serve`.",
    ),
    "label": (
        "clean",
        "review",
        "Write what is known of the pictures, such as expression or gender, from a table into a tree.",
    ),
    "models": (
        "manage",
        "demo",
        "List networks, embedders and detectors with licences and published accuracy.",
    ),
    "monitor": (
        "use",
        "gallery",
        "Say what the answers of a gallery or a trained model were like by day, and whether anything has changed.",
    ),
    "predict": (
        "use",
        None,
        "Name the faces in photos and videos: one JSON line per face, or a table on a terminal.",
    ),
    "rejected": (
        "manage",
        "stats",
        "List the pictures that were left out of a tree and of the folders it was made from, and why.",
    ),
    "review": (
        "clean",
        "clean",
        "Open a local web page to review what `clean` was not sure of.",
    ),
    "run": (
        "manage",
        None,
        "Run the stages of a TOML recipe in order.",
    ),
    "scrape": (
        "collect",
        None,
        "Search for each name with browser bots and download pictures, one folder per name.",
    ),
    "serve": (
        "use",
        "gallery",
        "Answer over HTTP who is in pictures that are sent, until Ctrl-C or SIGTERM.",
    ),
    "stats": (
        "manage",
        "cache",
        "Count the pictures of a tree or a run by label, part, size and source, and what was left out and why.",
    ),
    "train": (
        "train",
        None,
        "Train a network, or a linear head on a frozen network, on a folder with one folder of pictures per name.",
    ),
    "tune": (
        "train",
        "cross-validate",
        "Search for the options of `train` with which a network is best on validation, then train once with them.",
    ),
    "verify": (
        "use",
        "identify",
        "Say whether two photos show the same person. Exit code 0: the same; 1: different; 2: no answer.",
    ),
}
