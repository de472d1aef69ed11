"""From a list of names to a face model that can be trusted.

`make stub` writes this file from the options of the commands; do not edit it.
"""

from collections.abc import Iterable, Iterator
from os import PathLike
from typing import Literal

from facekit.api.dataset import Dataset as Dataset
from facekit.api.gallery import Gallery as Gallery
from facekit.api.gallery import Identification as Identification
from facekit.api.loading import load as load
from facekit.api.model import Model as Model
from facekit.base.errors import FacekitError as FacekitError
from facekit.base.records import Box as Box
from facekit.base.records import Record as Record
from facekit.base.records import Source as Source
from facekit.base.reporting import Report as Report
from facekit.base.reporting import Track as _Track
from facekit.commands.predict import Answer as _PredictAnswer
from facekit.commands.rejected import LeftOut as _RejectedLeftOut
from facekit.identity.comparing import Answer as _ComparingAnswer
from facekit.identity.gallery.answers import Answer as _AnswersAnswer
from facekit.identity.predictor import Prediction as Prediction

__all__ = [
    "Box",
    "Dataset",
    "FacekitError",
    "Gallery",
    "Identification",
    "Model",
    "Prediction",
    "Record",
    "Report",
    "Source",
    "__version__",
    "audit",
    "augment",
    "balance",
    "cache",
    "card",
    "clean",
    "compare",
    "crop",
    "cross_validate",
    "doctor",
    "draw",
    "enroll",
    "evaluate",
    "evaluate_pairs",
    "expire",
    "export",
    "forget",
    "gallery",
    "identify",
    "ingest",
    "inspect",
    "keys",
    "label",
    "load",
    "models",
    "monitor",
    "predict",
    "rejected",
    "review",
    "run",
    "scrape",
    "stats",
    "train",
    "tune",
    "verify",
]
__version__: str

def audit(
    folder: str | PathLike[str],
    other: str | PathLike[str] | None = None,
    *,
    output: str | PathLike[str] | None = None,
    without: str | PathLike[str] | None = None,
    strict: bool = False,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Find pictures that appear in more than one part of a tree, or in both of two trees.

    This is the command `facekit audit`, with the same options, defaults and checks.

    Args:
        folder: Tree of pictures, with or without a split or `train/` and `test/`; a flat folder, a
            photo, or a zip or tar of photos; a trained run.
        other: Second tree, to compare with the first.
        output: Folder for the report, the pairs found and a list of pictures to remove; by default
            nothing is written.
        without: Folder for a copy of the data set without the training pictures that also appear
            elsewhere.
        strict: Raise FacekitError if anything is found. Default: False.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def augment(
    input: str | PathLike[str],
    output: str | PathLike[str],
    *,
    count: int = 500,
    recipe: Literal["gentle", "standard", "strong"] = "standard",
    split: str = "70/20/10",
    split_by: Literal["group", "image"] = "group",
    cluster: str | None = None,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Fill each folder to exactly COUNT pictures with augmented copies of its training photos.

    This is the command `facekit augment`, with the same options, defaults and checks.

    Args:
        input: Folder with one folder of pictures per person.
        output: Folder to write.
        count: Pictures in each folder. Default: 500.
        recipe: How much the copies differ from their photo. Default: 'standard'.
        split: Shares of train/test/validation, in percent. Default: '70/20/10'.
        split_by: How to split a tree that has no split (see `balance`). A tree that has one keeps it.
            Default: 'group'.
        cluster: Dask cluster that does the work: `dask://HOST:8786`, `tls://HOST:8786`, or `local:N`
            for N processes of this machine. All its machines must see the input under the same path.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def balance(
    input: str | PathLike[str],
    output: str | PathLike[str],
    *,
    count: int = 50,
    split: str = "70/20/10",
    split_by: Literal["group", "image", "person"] = "group",
    people_from: str | PathLike[str] | None = None,
    new_split: bool = False,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Split the photos into train, test and validation, then bring each name's folder to exactly COUNT
    pictures.

    This is the command `facekit balance`, with the same options, defaults and checks.

    Args:
        input: Folder with one folder of pictures per person.
        output: Folder to write.
        count: Pictures per name, over all parts of the split. Default: 50.
        split: Shares of train/test/validation, in percent. Default: '70/20/10'.
        split_by: `group` keeps all copies of a photo in one part. `person` keeps each person in one
            part; use it when folders are not people. `image` splits file by file, so copies of a photo
            can land in different parts. Default: 'group'.
        people_from: CSV with the columns `image,person`, for `split_by="person"`; needed if the data
            set does not record who is in each picture.
        new_split: Draw the split again. By default, pictures that already have a part, such as those in
            `train/`, keep it. Default: False.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def cache(
    *,
    kind: Literal["embeddings", "galleries", "weights", "unpacked", "objects"] | None = None,
    clear: bool = False,
    older_than: str | None = None,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Show what facekit keeps in its cache, or clear it: embeddings of faces, which are biometric data,
    and weights.

    This is the command `facekit cache`, with the same options, defaults and checks.

    Args:
        kind: What to show or clear: `embeddings` of faces, those of `galleries` in databases, `weights`
            of networks, `unpacked` archives that a crash left behind, or copies of `objects` from
            s3://; all if not given.
        clear: Delete it. facekit computes it again when it is needed. Default: False.
        older_than: With `clear`, delete only what was not used for this long: `30d`, `12h`, `2w`.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def card(
    target: str | PathLike[str],
    *,
    output: str | PathLike[str] | None = None,
    check: bool = False,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Write the card of a data set, a model or a gallery: where it comes from, how good it is, what it is
    for.

    This is the command `facekit card`, with the same options, defaults and checks.

    Args:
        target: Folder of pictures, folder of a trained model, gallery (a folder, or
            `postgresql://USER@HOST/DATABASE`).
        output: Folder for `README.md` and `croissant.json`; by default the one that is described.
        check: Write nothing, and exit with 1 if the card is missing, or no longer says what is there.
            Default: False.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def clean(
    input: str | PathLike[str],
    output: str | PathLike[str],
    *,
    min_images: int = 30,
    people: int = 100,
    min_side: int = 40,
    min_sharpness: float = 40.0,
    min_brightness: float = 25.0,
    max_brightness: float = 230.0,
    min_contrast: float = 12.0,
    max_clipped: float = 1.0,
    max_yaw: float = 90.0,
    license: Literal["any", "open", "commercial"] = "any",
    max_roll: float = 180.0,
    embedder: str | PathLike[str] = "auto",
    reference: str | PathLike[str] | None = None,
    keep_at: float = 0.5,
    reject_at: float = 0.05,
    unsure: Literal["keep", "leave"] = "keep",
    apply: bool = False,
    report: str | PathLike[str] | None = None,
    cluster: str | None = None,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Remove repeats, poor pictures, boxes without a face and other people, then names with too few
    pictures.

    This is the command `facekit clean`, with the same options, defaults and checks.

    Args:
        input: Folder with one folder of pictures per person.
        output: Folder to write.
        min_images: Minimum number of pictures per name; names with fewer are removed. Default: 30.
        people: Maximum number of names to keep; those with the most pictures are kept first. Default:
            100.
        min_side: Minimum side of a face in its photo, in pixels, measured as by `crop --min-size`.
            Default: 40.
        min_sharpness: Minimum variance of the Laplacian at 96 pixels; below it a picture counts as
            blurred. Default: 40.0.
        min_brightness: Minimum mean grey value (0 to 255). Default: 25.0.
        max_brightness: Maximum mean grey value (0 to 255). Default: 230.0.
        min_contrast: Minimum standard deviation of the grey values (0 to 127). Default: 12.0.
        max_clipped: Maximum fraction of pixels that are nearly pure black or white; 1 turns this check
            off. Default: 1.0.
        max_yaw: Maximum turn of the head to either side, in degrees. Default: 90.0.
        license: Licences of the photos to keep, as `sources.jsonl` names them: `any`, `open`, or open
            to `commercial` use and changes. A photo without a recorded licence is neither of the last
            two. Default: 'any'.
        max_roll: Maximum tilt of the head, in degrees. Default: 180.0.
        embedder: How to tell people apart: `dlib`, `sface`, both as `dlib+sface`, a run's folder or
            `none`; `auto` uses those of the two that are installed. Default: 'auto'.
        reference: Folder with a few verified pictures of each person, used to identify that person.
        keep_at: Keep a face if the probability that it shows the folder's person is at least this.
            Default: 0.5.
        reject_at: Reject a face if that probability is this or lower. Default: 0.05.
        unsure: What to do with faces between `reject_at` and `keep_at` until they are reviewed: `keep`
            them or `leave` them out. Default: 'keep'.
        apply: Apply what was decided in `facekit review`. Default: False.
        report: HTML report to write: what was left out and why, with pictures.
        cluster: Dask cluster that does the work: `dask://HOST:8786`, `tls://HOST:8786`, or `local:N`
            for N processes of this machine. All its machines must see the input under the same path.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def compare(
    input: str | PathLike[str],
    output: str | PathLike[str],
    *,
    networks: str | None = None,
    contenders: str | PathLike[str] | None = None,
    test: str | PathLike[str] | None = None,
    size: int | None = None,
    epochs: int | None = None,
    targets: str | None = None,
    targets_from: str | PathLike[str] | None = None,
    target_weights: str | None = None,
    labels: Literal["people", "classes"] | None = None,
    split: str = "70/20/10",
    split_by: Literal["group", "image", "person"] = "group",
    people_from: str | PathLike[str] | None = None,
    batch: int = 128,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Train several networks on the same split and compare their scores in one table.

    This is the command `facekit compare`, with the same options, defaults and checks.

    Args:
        input: Folder with one folder of pictures per person.
        output: Folder to write.
        networks: Networks and embedders, separated by commas; by default sface, if installed (else
            dlib), cnn5 and inception_v3.
        contenders: TOML file of contenders, each with options of `train`, instead of `networks`.
        test: Another folder-per-person tree to score on as well, such as an official test set.
        size: Input size of `networks`, in pixels; by default that of `train`.
        epochs: Maximum number of epochs of `networks`; by default that of `train`.
        targets: Train one network for these targets together and one for each alone, such as
            `identity,expression,gender`, and say which is better (see `train`).
        targets_from: CSV of targets, with a column `image` or `label` and a column for each target; it
            counts before the manifest.
        target_weights: How much the loss of each target counts, such as `identity=1,gender=.5` (1 where
            it is not named), or `learned`, which weighs them by their uncertainty.
        labels: Whether labels are `people` or `classes`, such as expressions. A model of people can
            answer `unknown`. By default people, and classes with `split_by="person"`.
        split: Shares of train/test/validation, in percent. Default: '70/20/10'.
        split_by: How to split a tree that has no split (see `balance`). Default: 'group'.
        people_from: CSV with the columns `image,person`, for `split_by="person"`; needed if the data
            set does not record who is in each picture.
        batch: Batch size for scoring. Default: 128.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def crop(
    input: str | PathLike[str],
    output: str | PathLike[str],
    *,
    detector: str = "haar",
    cascade: str = "alt2",
    verify: Literal["auto", "yunet", "eyes", "none"] = "auto",
    roll: float = 0.0,
    align: Literal["none", "eyes"] = "none",
    detect: bool = True,
    faces: Literal["largest", "all", "only"] = "largest",
    min_size: int = 40,
    margin: float = 0.2,
    size: int = 160,
    detect_at: int = 640,
    cluster: str | None = None,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Find the face in each photo and save it as a square picture.

    This is the command `facekit crop`, with the same options, defaults and checks.

    Args:
        input: Photos: a folder with one folder per person, a flat folder, a single photo, or a zip or
            tar of any of these.
        output: Folder to write.
        detector: Face detector: `haar`, `yunet` or `dlib`. Default: 'haar'.
        cascade: Haar cascade: `default` or `alt2` (frontal) or `profile`; several, as in
            `alt2,default`, are used together. Default: 'alt2'.
        verify: How to confirm each face that Haar finds: with the network `yunet`, or, if it is
            doubtful, by finding its `eyes`; `auto` is yunet if installed, else eyes. Default: 'auto'.
        roll: If no face is found, retry with the photo rotated by this many degrees in each direction;
            0 turns this off. Default: 0.0.
        align: Rotate and scale each face so that its `eyes` are where face models expect them. Default:
            'none'.
        detect: Detect faces; with `detect=False`, each picture is taken as a face that is already
            cropped. Default: True.
        faces: Which faces to save: the `largest` of each photo, `all` of them, or `only` those of
            photos that show a single face. Default: 'largest'.
        min_size: Minimum side of a face in its photo, in pixels; of a box that is no square, the longer
            side counts. Default: 40.
        margin: Margin around the face, as a share of its side. Default: 0.2.
        size: Side of a saved face, in pixels. Default: 160.
        detect_at: Size to which a photo is scaled down for detection (its longest side, in pixels).
            Default: 640.
        cluster: Dask cluster that does the work: `dask://HOST:8786`, `tls://HOST:8786`, or `local:N`
            for N processes of this machine. All its machines must see the input under the same path.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def cross_validate(
    run: str | PathLike[str],
    *,
    folds: int = 5,
    data: str | PathLike[str] | None = None,
    output: str | PathLike[str] | None = None,
    batch: int = 128,
    rounds: int = 1000,
    by: str | None = None,
    table: str | PathLike[str] | None = None,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Train a run again on folds of its own pictures, and score each fold on the pictures held out.

    This is the command `facekit cross-validate`, with the same options, defaults and checks.

    Args:
        run: Folder of a trained model.
        folds: Number of folds. Default: 5.
        data: Folder with the run's pictures, if it has moved since training.
        output: Folder for the folds and the report; by default one in the run.
        batch: Batch size. Default: 128.
        rounds: Bootstrap resamples for the 95% intervals; 0 computes none. Default: 1000.
        by: Also report scores by group of people: a target stored with the pictures, or a column of
            `table`.
        table: CSV for `by`, with a column `image` or `label`, and the columns to group by.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def doctor(
    *,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Check what is installed and what is missing.

    This is the command `facekit doctor`, with the same options, defaults and checks.

    Args:
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def draw(
    output: str | PathLike[str],
    *,
    people: int = 6,
    photos: int = 40,
    faults: bool = True,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Draw photos of invented people, in folders like those that `scrape` makes.

    This is the command `facekit draw`, with the same options, defaults and checks.

    Args:
        output: Folder to write.
        people: Number of people. Default: 6.
        photos: Photos of each person. Default: 40.
        faults: Include wrong people, repeats, and blurred, tiny and faceless pictures. Default: True.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def enroll(
    input: str | PathLike[str],
    output: str | PathLike[str],
    *,
    replace: bool = False,
    embedder: str | PathLike[str] | None = None,
    detector: str | None = None,
    detect: bool = True,
    fpir: float | None = None,
    strangers: str | PathLike[str] | None = None,
    crops: bool = True,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Enroll people in a gallery, so that `identify` can name them.

    This is the command `facekit enroll`, with the same options, defaults and checks.

    Args:
        input: Faces or photos: a folder with one folder per person, a zip or tar of one.
        output: Gallery to make, or to add to: a folder, or a PostgreSQL database as
            `postgresql://USER@HOST/DATABASE`.
        replace: Remove the earlier faces of the people who are enrolled. Default: False.
        embedder: Embedder: `dlib`, `dlib-mirrored`, `sface` or a trained run's folder; by default the
            gallery's own, or dlib.
        detector: Detector for the main face of each photo; by default the one that suits the embedder.
            Not used for faces that `crop` made.
        detect: Detect faces; with `detect=False`, each picture is taken as a face that is already
            cropped. Default: True.
        fpir: Share of strangers' faces that may be given a name; by default the gallery's own, else
            0.01. The people are left out in turn to find the threshold for it.
        strangers: Folder of people who are not in the gallery: they help to find the threshold. Their
            embeddings are kept.
        crops: Keep a small picture of each face, so that another embedder can be used later (`gallery
            migrate`) without the photos. Default: True.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def evaluate(
    run: str | PathLike[str],
    *,
    data: str | PathLike[str] | None = None,
    output: str | PathLike[str] | None = None,
    part: Literal["test", "validation", "train", "all"] | None = None,
    include_training: bool = False,
    strangers: str | PathLike[str] | None = None,
    batch: int = 128,
    rounds: int = 1000,
    by: str | None = None,
    table: str | PathLike[str] | None = None,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Score a trained model on pictures that it was not trained on.

    This is the command `facekit evaluate`, with the same options, defaults and checks.

    Args:
        run: Folder of a trained model.
        data: Another folder-per-person tree, or a CSV of `image,label`; by default the tree it was
            trained on.
        output: Folder for the report; by default one in the run, named after what is scored.
        part: Part of the split; by default test, or every picture of `data`.
        include_training: Also score pictures that the model was trained on, under a banner; by default
            they are left out and counted. Default: False.
        strangers: People who are not in the model, to measure how many get a name: a folder with one
            folder per person, or with photos of a different person each; by default each person of the
            model is left out in turn.
        batch: Batch size. Default: 128.
        rounds: Bootstrap resamples for the 95% intervals; 0 computes none. Default: 1000.
        by: Also report scores by group of people: a target stored with the pictures, or a column of
            `table` or of a CSV `data`.
        table: CSV for `by`, with a column `image` or `label`, and the columns to group by.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def evaluate_pairs(
    run: str | PathLike[str],
    pairs: str | PathLike[str],
    *,
    data: str | PathLike[str] | None = None,
    output: str | PathLike[str] | None = None,
    threshold_from: str | PathLike[str] | None = None,
    far: str = "0.1,0.01,0.001",
    detector: str | None = None,
    detect: bool = True,
    rounds: int = 1000,
    by: str | None = None,
    table: str | PathLike[str] | None = None,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Score how well an embedder tells whether two photos show the same person.

    This is the command `facekit evaluate-pairs`, with the same options, defaults and checks.

    Args:
        run: Folder of a trained model, an embedder's name such as dlib.
        pairs: List of pairs: a CSV of `first,second,same`, or one of LFW's lists.
        data: Folder that the photo paths of the list are relative to; by default the folder of the
            list.
        output: Folder for the report; by default one in the run, named after the list.
        threshold_from: Another list of pairs on which to choose the threshold; by default the
            embedder's own is used.
        far: False match rates at which to report the true match rate. Default: '0.1,0.01,0.001'.
        detector: Detector for whole photos, in which it picks a large face near the middle; by default
            the one that suits the embedder.
        detect: Detect faces; with `detect=False`, each picture is taken as a face that is already
            cropped. Default: True.
        rounds: Bootstrap resamples for the 95% intervals; 0 computes none. Default: 1000.
        by: Also report scores by group of people: a target stored with the photos, or a column of the
            list or of `table`.
        table: CSV for `by`, with a column `image` or `label`, and the columns to group by.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def expire(
    folders: str | PathLike[str] | Iterable[str | PathLike[str]],
    *,
    older_than: str,
    keep_models: bool = False,
    likeness: bool = False,
    output: str | PathLike[str] = "receipts",
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Remove all photos that were fetched too long ago from everything that facekit wrote, with a receipt.

    This is the command `facekit expire`, with the same options, defaults and checks.

    Args:
        folders: Folder in which everything that facekit wrote is looked through: data sets, models,
            galleries, reports, exports. Can be given several times; also the address of a gallery in
            PostgreSQL.
        older_than: Remove photos that were fetched, or enrolled in a gallery, longer ago than this:
            `3y`, `90d`, `26w`. A photo of which that is not known stays.
        keep_models: Keep networks that have learned from what is removed; their cards then say so.
            Without it they refuse to answer until they are trained again. Default: False.
        likeness: Also find the same photo by its pixels, where data sets were made from different
            sources. Default: False.
        output: Folder for the receipt, as JSON and as a page: what was removed, when and from where.
            Default: 'receipts'.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def export(
    run: str | PathLike[str],
    output: str | PathLike[str],
    *,
    format: Literal["onnx", "litert", "litert-int8", "savedmodel", "torch"] = "onnx",
    known_faces: bool = True,
    count: int = 200,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Export a trained model for other programs: ONNX, LiteRT, TensorFlow Serving, Triton or PyTorch.

    This is the command `facekit export`, with the same options, defaults and checks.

    Args:
        run: Folder of a trained model.
        output: File to write: `.onnx`, `.tflite` or `.pt2`. For a SavedModel, and for ONNX as Triton
            reads it, the model's folder in a model repository: each export adds a version.
        format: What to write: `litert-int8` is a quarter of the size, and a little less accurate.
            Default: 'onnx'.
        known_faces: Put the known faces in, which `unknown` is decided by. They are biometric templates
            of the people that the model was trained on. Default: True.
        count: How many of the run's own pictures to compare the answers on, and to calibrate litert-
            int8 with. Default: 200.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def forget(
    names: str | Iterable[str] = (),
    *,
    in_: str | PathLike[str] | Iterable[str | PathLike[str]] = (),
    url: str | Iterable[str] = (),
    host: str | Iterable[str] = (),
    id: str | Iterable[str] = (),
    photo: str | PathLike[str] | Iterable[str | PathLike[str]] = (),
    keep_models: bool = False,
    likeness: bool = True,
    output: str | PathLike[str] = "receipts",
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Remove a person, or single photos, from everything that facekit wrote, with a receipt.

    This is the command `facekit forget`, with the same options, defaults and checks.

    Args:
        names: Names of people, as they were searched for or as their folders are called.
        in_: Folder in which everything that facekit wrote is looked through: data sets, models,
            galleries, reports, exports. Can be given several times; also the address of a gallery in
            PostgreSQL.
        url: Remove the photos that were found at this address, or on this page.
        host: Remove all photos that were found at this host, or on pages of it.
        id: Remove the picture of this id, and all that was made from it. At least the first 8 digits;
            files are called by the first 16.
        photo: Remove this photo, wherever the same one is, also saved again or cropped.
        keep_models: Keep networks that have learned from what is removed; their cards then say so.
            Without it they refuse to answer until they are trained again. Default: False.
        likeness: Also find the same photo by its pixels, where data sets were made from different
            sources. Default: True.
        output: Folder for the receipt, as JSON and as a page: what was removed, when and from where.
            Default: 'receipts'.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def gallery(
    action: Literal["list", "show", "rename", "merge", "remove", "check", "deny", "migrate"],
    gallery: str | PathLike[str],
    names: str | Iterable[str] = (),
    *,
    output: str | PathLike[str] | None = None,
    embedder: str | PathLike[str] | None = None,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Show or change who is in a gallery.

    This is the command `facekit gallery`, with the same options, defaults and checks.

    Args:
        action: `list` people; `show` the gallery, or the faces of NAME; `rename` NAME to NEW-NAME;
            `merge` the faces of OTHER-NAME... into NAME; `remove` people by name, or faces by id;
            `check` its files, and who is easily confused; `deny` that FACE is NAME; `migrate` to
            another embedder.
        gallery: Folder of the gallery, or its address: `postgresql://USER@HOST/DATABASE`.
        names: Names or ids, as the action takes them. The FACE of `deny` is a photo of one face, the
            second face of a photo as `photo.jpg#2`, or the id of an enrolled face.
        output: `migrate`: folder or address of the new gallery.
        embedder: `migrate`: embedder of the new gallery: `dlib`, `dlib-mirrored`, `sface` or a trained
            run's folder.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def identify(
    gallery: str | PathLike[str],
    pictures: str | PathLike[str] | Iterable[str | PathLike[str]],
    *,
    fps: float = 5.0,
    seconds: float | None = None,
    rejoin: int = 5,
    monitor: bool = False,
    summary: str | PathLike[str] | None = None,
    fpir: float | None = None,
    allow_repeats: bool = False,
    detect: bool = True,
    csv: str | PathLike[str] | None = None,
    annotate: str | PathLike[str] | None = None,
    sort_into: str | PathLike[str] | None = None,
    cluster: str | None = None,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Iterator[_AnswersAnswer]:
    """Name the faces in photos and videos by a gallery, or say that they are of strangers.

    This is the command `facekit identify`, with the same options, defaults and checks.

    Args:
        gallery: Gallery that `enroll` made.
        pictures: Photos, folders of photos and videos, zip or tar files of photos, videos, web
            addresses of pictures, videos and streams, and numbers of cameras.
        fps: Frames per second in which faces are looked for; from one to the next they are tracked.
            Default: 5.0.
        seconds: Stop after this many seconds of each video, stream or camera.
        rejoin: How often in a row to try to join a stream again that has dropped, with growing pauses;
            0 ends with it. Default: 5.
        monitor: Count what faces and answers are like (light, size, pose, similarity, share of
            unknown), by day, for `facekit monitor`. Only counts are kept: no picture, no name. Default:
            False.
        summary: Folder for who was there when: summary.json, summary.csv, summary.html with a time
            line, and WebVTT captions of each video.
        fpir: Share of strangers' faces that may be given a name; by default the gallery's own.
        allow_repeats: Let one photo show somebody more than once, as in a collage or before a mirror.
            Default: False.
        detect: Detect faces; with `detect=False`, each picture is taken as a face that is already
            cropped. Default: True.
        csv: Also write the answers to this CSV file.
        annotate: Folder for a copy of each photo with a box and a name around each face, and of the
            best frame of each face in a video.
        sort_into: Folder to copy the photos into, a folder in it for each person; a photo of two people
            goes to both, one of strangers to `unknown`, one without a face to `no face`. Videos are not
            copied.
        cluster: Dask cluster that does the work: `dask://HOST:8786`, `tls://HOST:8786`, or `local:N`
            for N processes of this machine. All its machines must see the input under the same path.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        An iterator over the answers. Each is computed when you ask for it.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def ingest(
    data_set: Literal["lfw", "celeba", "utkface", "fer2013", "casia"],
    input: str | PathLike[str],
    output: str | PathLike[str],
    *,
    folders: str | None = None,
    target: str | Iterable[str] = (),
    official_split: bool = True,
    links: bool = True,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Read a public data set in its own layout, with its targets and its official split.

    This is the command `facekit ingest`, with the same options, defaults and checks.

    Args:
        data_set: Labeled Faces in the Wild, CelebA, UTKFace, FER2013 or CASIA-WebFace. Get it from its
            authors, under their terms; facekit does not download it.
        input: Folder of the unpacked data set, with the lists that belong to it; for FER2013 or CASIA-
            WebFace also its `.csv` or `.rec` file.
        output: Folder to write.
        folders: Target that the folders of the tree are called by: `identity`, or one such as `gender`.
            By default identity; gender for UTKFace and expression for FER2013, which do not say who is
            shown.
        target: Target to write into the manifest, or `all`; may be repeated. By default expression,
            gender, age, age_group and race, as far as the data set has them. CelebA has 39 more, such
            as `smiling`.
        official_split: Write the parts of the official split into the manifest, if there is one.
            Default: True.
        links: Make hard links to the pictures where the disk allows it, instead of copies. Default:
            True.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def inspect(
    run: str | PathLike[str],
    pictures: str | PathLike[str] | Iterable[str | PathLike[str]] = (),
    *,
    output: str | PathLike[str] | None = None,
    layer: str | Iterable[str] = (),
    list_layers: bool = False,
    target: str | None = None,
    label: str | None = None,
    method: Literal["gradcam", "hirescam", "occlusion"] | None = None,
    cam_layer: str | None = None,
    count: int = 6,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Show a trained network's filters and feature maps, and which parts of a picture drive its answer.

    This is the command `facekit inspect`, with the same options, defaults and checks.

    Args:
        run: Folder of a trained model.
        pictures: Pictures of faces as `crop` cuts them; by default some that the run was not trained
            on.
        output: Folder to write; by default `inspection` in the run.
        layer: Layers whose feature maps to show (repeat, or separate by commas); by default the last of
            each size.
        list_layers: Only print the network's layers and their shapes. Default: False.
        target: Of a run of several targets, the one to explain, such as `expression`; by default the
            first.
        label: Name to explain; by default the most likely one for each picture.
        method: How to explain an answer: `gradcam` and `hirescam` use gradients, `occlusion` hides
            parts of the picture. By default, what suits the model: occlusion for a linear head,
            hirescam for a network that flattens its last map, such as cnn5, gradcam for any other.
        cam_layer: Layer for the gradients; by default the last one of 4x4 or more.
        count: How many of the run's own pictures to show. Default: 6.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def keys(
    action: Literal["create", "list", "revoke"],
    target: str | PathLike[str],
    ids: str | Iterable[str] = (),
    *,
    scope: Literal["read", "write", "admin"] = "read",
    name: str = "",
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Make, list and revoke the keys that programs need to ask `facekit serve`.

    This is the command `facekit keys`, with the same options, defaults and checks.

    Args:
        action: `create` a key, which is shown once; `list` all of them; `revoke` those with the given
            IDs.
        target: Gallery, a folder or `postgresql://USER@HOST/DATABASE`, or trained run.
        ids: `revoke`: IDs of keys, as `list` shows them.
        scope: `create`: what the key is good for: `read` asks who is in pictures, `write` also enrolls
            and changes people, `admin` also merges and deletes them. Default: 'read'.
        name: `create`: what the key is for, such as `door camera`; `list` shows it. Default: ''.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def label(
    input: str | PathLike[str],
    *,
    table: str | PathLike[str],
    target: str | Iterable[str] = (),
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Write what is known of the pictures, such as expression or gender, from a table into a tree.

    This is the command `facekit label`, with the same options, defaults and checks.

    Args:
        input: Folder that `crop`, `ingest` or another command made.
        table: CSV with a column `image` or `label`, and a column for each target, such as `expression`.
            A row goes by the path or the name of a picture or of the photo it was cut from, or by a
            person's folder.
        target: Column to write; may be repeated. By default every column, apart from `group`.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def models(
    *,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """List networks, embedders and detectors with licences and published accuracy.

    This is the command `facekit models`, with the same options, defaults and checks.

    Args:
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def monitor(
    target: str | PathLike[str],
    *,
    against: Literal["enrolled", "first"] = "enrolled",
    days: int = 30,
    page: str | PathLike[str] | None = None,
    fail_on_drift: bool = False,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Say what the answers of a gallery or a trained model were like by day, and whether anything has
    changed.

    This is the command `facekit monitor`, with the same options, defaults and checks.

    Args:
        target: Gallery (a folder, or `postgresql://USER@HOST/DATABASE`), folder of a trained model.
        against: What days are compared with: the `enrolled` faces (of a model, its test and validation
            pictures), or the `first` seven days. What is not known of enrolled faces is always compared
            with the first days. Default: 'enrolled'.
        days: Days to look at, back from the last one. Default: 30.
        page: HTML page to write: each measure by day.
        fail_on_drift: Exit with 1 if anything has changed. Default: False.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def predict(
    run: str | PathLike[str],
    pictures: str | PathLike[str] | Iterable[str | PathLike[str]],
    *,
    fps: float = 5.0,
    seconds: float | None = None,
    rejoin: int = 5,
    monitor: bool = False,
    summary: str | PathLike[str] | None = None,
    fpir: float | None = None,
    min_probability: float = 0.0,
    min_confidence: float = 0.5,
    detect: bool = True,
    grid: str | PathLike[str] | None = None,
    sort_into: str | PathLike[str] | None = None,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Iterator[_PredictAnswer]:
    """Name the faces in photos and videos.

    This is the command `facekit predict`, with the same options, defaults and checks.

    Args:
        run: Folder of a trained model, an ONNX file that `export` made of one.
        pictures: Photos, folders of photos and videos, zip or tar files of photos, videos, web
            addresses of pictures, videos and streams, and numbers of cameras.
        fps: Frames per second in which faces are looked for; from one to the next they are tracked.
            Default: 5.0.
        seconds: Stop after this many seconds of each video, stream or camera.
        rejoin: How often in a row to try to join a stream again that has dropped, with growing pauses;
            0 ends with it. Default: 5.
        monitor: Count what faces and answers are like (light, size, pose, similarity, share of
            unknown), by day, for `facekit monitor`. Only counts are kept: no picture, no name. Default:
            False.
        summary: Folder for who was there when: summary.json, summary.csv, summary.html with a time
            line, and WebVTT captions of each video.
        fpir: Share of strangers' faces that may be given a name, instead of the one that the model was
            trained for.
        min_probability: Probability, as it is shown, below which a face is `unknown`; 0 names all that
            are known. Default: 0.0.
        min_confidence: The model's own confidence below which a face is `unknown`. It is not the
            probability that is shown, but `confidence` in the JSON, which assumes that no face is a
            stranger's. For more certain names, use `min_probability`. Default: 0.5.
        detect: Detect faces, with the detector and the settings by which the faces of the training were
            cropped; with `detect=False`, each picture is taken as a face that is already cropped.
            Default: True.
        grid: PNG or HTML page to write: each face with its predicted name, marked right or wrong where
            the photo's folder is a name. The page links the photos.
        sort_into: Folder to copy the photos into, a folder in it for each person; a photo of two people
            goes to both, one of strangers to `unknown`, one without a face to `no face`. Videos are not
            copied.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        An iterator over the answers. Each is computed when you ask for it.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def rejected(
    tree: str | PathLike[str],
    *,
    reason: str | None = None,
    stage: str | None = None,
    sheet: str | PathLike[str] | None = None,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Iterator[_RejectedLeftOut]:
    """List the pictures that were left out of a tree and of the folders it was made from, and why.

    This is the command `facekit rejected`, with the same options, defaults and checks.

    Args:
        tree: Folder that `crop`, `clean`, `balance` or another command made.
        reason: List only pictures left out for this reason, such as `blurred` or `repeat`; all if not
            given.
        stage: List only pictures left out by this command, such as `clean`; all if not given.
        sheet: PNG or HTML page to write: the listed pictures, each with its reason and the photo that
            it was cut from.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        An iterator over the answers. Each is computed when you ask for it.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def review(
    folder: str | PathLike[str],
    *,
    port: int = 0,
    live: bool = False,
    browser: bool = True,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Open a local web page to review what `clean` was not sure of.

    This is the command `facekit review`, with the same options, defaults and checks.

    Args:
        folder: Folder that `clean` made.
        port: Port on 127.0.0.1; 0 chooses a free one. Default: 0.
        live: Apply each decision immediately; otherwise the next `clean --apply` does. Default: False.
        browser: Open the page in your browser. Default: True.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def run(
    recipe: str | PathLike[str],
    *,
    input: str | PathLike[str] | None = None,
    output: str | PathLike[str] | None = None,
    overwrite_from: str | None = None,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Run the stages of a TOML recipe in order.

    This is the command `facekit run`, with the same options, defaults and checks.

    Args:
        recipe: TOML file with the stages.
        input: Folder, or file of names, for the first stage; by default the recipe's.
        output: Folder for the results; by default the recipe's.
        overwrite_from: Command of a stage, such as `train`: delete earlier results of this stage and of
            those after it, and start again from there.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def scrape(
    names: str | PathLike[str] | Iterable[str | PathLike[str]] = (),
    output: str | PathLike[str] = "raw",
    *,
    per_name: int = 100,
    bots: int = 10,
    engine: str = "bing",
    base_url: str | None = None,
    query: str = "{name}",
    face_only: bool = False,
    min_width: int = 0,
    safe: bool = True,
    since: str | None = None,
    license: Literal["any", "open", "commercial"] = "any",
    min_side: int = 100,
    ignore_opt_outs: bool = False,
    search_interval: float = 5.0,
    contact: str = "",
    grid: str | None = None,
    probe: str | None = None,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Search for each name with browser bots and download pictures, one folder per name.

    This is the command `facekit scrape`, with the same options, defaults and checks.

    Args:
        names: Names, or a file with one name per line.
        output: Folder to write. Default: 'raw'.
        per_name: Pictures to keep for each name. Default: 100.
        bots: Browsers that search in parallel. Default: 10.
        engine: Search engine, or several separated by commas, as in `bing,commons`; each adds what
            those before it did not find. Default: 'bing'.
        base_url: Base URL of the engine, for example of a test server.
        query: Search query; {name} stands for the name. Default: '{name}'.
        face_only: Ask the engine for pictures of faces only. Default: False.
        min_width: Minimum width to ask the engine for, in pixels; 0 asks for any. Default: 0.
        safe: Ask the engine for safe search. Default: True.
        since: Only pictures of the last `day`, `week`, `month` or `year`, or since a date like
            2024-01-31.
        license: Licences to ask the engine for: `any`, `open`, or open to `commercial` use. Default:
            'any'.
        min_side: Minimum side of a picture to keep, in pixels. Default: 100.
        ignore_opt_outs: Also keep pictures that their owner or host does not want to be used for
            training, and ask no robots.txt; you need their permission. Default: False.
        search_interval: Minimum seconds between two searches, over all bots; ignored on loopback.
            Default: 5.0.
        contact: Contact address or URL to put into the user agent. Default: ''.
        grid: Address of a Selenium Grid to run the browsers on.
        probe: Search this engine once and report what its page held and how it was parsed; no pictures
            are saved.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def stats(
    tree: str | PathLike[str],
    *,
    labels: int = 20,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Count the pictures of a tree or a run by label, part, size and source, and what was left out and
    why.

    This is the command `facekit stats`, with the same options, defaults and checks.

    Args:
        tree: Tree of pictures, made by any program; a flat folder, a zip or a tar; a trained run.
        labels: Maximum number of labels to list, the largest first; 0 lists all. Default: 20.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def train(
    input: str | PathLike[str],
    output: str | PathLike[str],
    *,
    backbone: str | PathLike[str] | None = None,
    network: str = "inception_v3",
    color: Literal["rgb", "gray"] = "rgb",
    weights: str | PathLike[str] = "none",
    size: int = 96,
    epochs: int = 52,
    warmup_epochs: int = 0,
    unfreeze: int = 0,
    batch: int = 64,
    learning_rate: float = 0.001,
    finetune_rate: float = 0.0001,
    schedule: Literal["constant", "cosine", "plateau"] = "constant",
    stop_at: float = 0.97,
    patience: int = 0,
    monitor: Literal["val_accuracy", "accuracy"] = "val_accuracy",
    light_augment: bool = False,
    augment_strength: float = 1.0,
    dropout: float | None = None,
    weight_decay: float = 0.0,
    label_smoothing: float = 0.0,
    class_weights: Literal["auto", "none"] = "auto",
    precision: Literal["auto", "float32", "mixed_bfloat16"] = "auto",
    deterministic: bool = False,
    targets: str | None = None,
    targets_from: str | PathLike[str] | None = None,
    target_weights: str | None = None,
    labels: Literal["people", "classes"] | None = None,
    fpir: float = 0.01,
    split: str = "70/20/10",
    split_by: Literal["group", "image", "person"] = "group",
    people_from: str | PathLike[str] | None = None,
    objective: Literal["softmax", "arcface", "cosface", "triplet", "contrastive"] = "softmax",
    margin: float | None = None,
    margin_warmup: int | None = None,
    scale: float | None = None,
    people_per_batch: int | None = None,
    pictures_per_person: int | None = None,
    hosts: str | None = None,
    host_number: int | None = None,
    resume: bool = False,
    tensorboard: bool = False,
    cluster: str | None = None,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Train a network, or a linear head on a frozen network, on a folder with one folder of pictures per
    name.

    This is the command `facekit train`, with the same options, defaults and checks.

    Args:
        input: Folder with one folder of pictures per person.
        output: Folder to write.
        backbone: Train a linear head on the embeddings of `dlib`, `sface` or a trained run's folder,
            instead of a network.
        network: Name of the network (see `facekit models`). Default: 'inception_v3'.
        color: Whether the input is `rgb` or `gray`. Default: 'rgb'.
        weights: Initial weights, except the head's: `none`, `imagenet`, a .weights.h5 file or a run's
            folder. Default: 'none'.
        size: Input size of the network, in pixels. Default: 96.
        epochs: Maximum number of epochs. Default: 52.
        warmup_epochs: Number of first epochs that train only the head; they count towards `epochs`.
            Default: 0.
        unfreeze: Train only this many last blocks of the network; 0 trains all. Default: 0.
        batch: Batch size. Default: 64.
        learning_rate: Adam's learning rate. Default: 0.001.
        finetune_rate: Adam's learning rate after the warm-up. Default: 0.0001.
        schedule: Learning rate schedule: `constant`, `cosine`, or halved at a `plateau`. Default:
            'constant'.
        stop_at: Stop when the monitored accuracy reaches this; not for an embedding. Default: 0.97.
        patience: Stop after this many epochs without improvement; 0 turns this off. Default: 0.
        monitor: Accuracy that decides when to stop and which epoch is best; of an embedding the share
            of comparisons in which a pair of one person is nearer than one of two (AUC). Default:
            'val_accuracy'.
        light_augment: Randomly flip, rotate, shift, zoom and brighten training pictures a little,
            differently in each epoch. Default: False.
        augment_strength: How far `light_augment` changes a picture, as a multiple of its usual range.
            Default: 1.0.
        dropout: Share of values that the network's dropout layers leave out in training; by default the
            network's own.
        weight_decay: Decoupled weight decay of Adam (AdamW), as a multiple of the learning rate; 0
            turns this off. Default: 0.0.
        label_smoothing: Share of the target that is spread over all names. Default: 0.0.
        class_weights: `auto` gives more weight to names with fewer pictures; `none` weights all
            pictures equally. Default: 'auto'.
        precision: Precision of computation; `auto` is mixed_bfloat16 on an accelerator and float32 on a
            CPU. Default: 'auto'.
        deterministic: Make a run reproducible to the last digit; slower. Default: False.
        targets: What to learn of each picture, separated by commas, such as
            `identity,expression,gender`: identity is its folder, others come from the data set's
            manifest or `targets_from`. One network, with a head for each; by default identity alone.
        targets_from: CSV of targets, with a column `image` or `label` and a column for each target; it
            counts before the manifest.
        target_weights: How much the loss of each target counts, such as `identity=1,gender=.5` (1 where
            it is not named), or `learned`, which weighs them by their uncertainty.
        labels: Whether labels are `people` or `classes`, such as expressions. A model of people can
            answer `unknown`. By default people, and classes with `split_by="person"`.
        fpir: Share of strangers' faces that may be given a name (false positive identification rate):
            sets the similarity below which a model of people answers `unknown`. Default: 0.01.
        split: Shares of train/test/validation, in percent. Default: '70/20/10'.
        split_by: How to split a tree that has no split (see `balance`). Default: 'group'.
        people_from: CSV with the columns `image,person`, for `split_by="person"`; needed if the data
            set does not record who is in each picture.
        objective: What is learned: with `softmax` to name the people of the tree; with the others an
            embedding, which tells apart people it never saw: an embedder like `dlib`, or with
            `backbone` a projection of one. Default: 'softmax'.
        margin: How far apart people are to be: an angle in radians (`arcface`, 0.5), a cosine
            (`cosface`, 0.35), a squared distance (`triplet`, 0.2) or a distance (`contrastive`, 1).
        margin_warmup: Number of first epochs in which the margin of `arcface` and `cosface` grows from
            0; by default a tenth of `epochs`.
        scale: What cosines are multiplied by in `arcface` and `cosface`; by default 64.
        people_per_batch: People in each batch of `triplet` and `contrastive`; by default 16, or all
            where there are fewer.
        pictures_per_person: Pictures of each person in a batch of `triplet` and `contrastive`; by
            default 4.
        hosts: Train on several hosts together: type the same command on each, with HOST:PORT of all,
            the one that writes the output first; or `auto` under SLURM, Open MPI or Kubernetes. Needs
            JAX (`KERAS_BACKEND=jax`).
        host_number: Place of this host in `hosts`, counted from 0; needed only where its addresses do
            not tell.
        resume: For old scripts: an interrupted training always continues when the command is run again.
            Default: False.
        tensorboard: Write logs for TensorBoard. Default: False.
        cluster: Dask cluster that does the work: `dask://HOST:8786`, `tls://HOST:8786`, or `local:N`
            for N processes of this machine. All its machines must see the input under the same path.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def tune(
    input: str | PathLike[str],
    output: str | PathLike[str],
    *,
    network: str = "cnn5",
    backbone: str | PathLike[str] | None = None,
    color: Literal["rgb", "gray"] = "rgb",
    size: int = 96,
    epochs: int = 30,
    ranges: str | PathLike[str] | None = None,
    sampler: Literal["tpe", "random", "grid"] = "tpe",
    trials: int = 50,
    timeout: float = 0.0,
    prune: bool = True,
    folds: int = 1,
    final: bool = True,
    labels: Literal["people", "classes"] | None = None,
    split: str = "70/20/10",
    split_by: Literal["group", "image", "person"] = "group",
    people_from: str | PathLike[str] | None = None,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Report:
    """Search for the options of `train` with which a network is best on validation, then train once with
    them. The test part is neither trained on nor looked at during the search. The last training is
    scored on it, once.

    This is the command `facekit tune`, with the same options, defaults and checks.

    Args:
        input: Folder with one folder of pictures per person.
        output: Folder to write.
        network: Name of the network (see `facekit models`). Default: 'cnn5'.
        backbone: Tune a linear head on the embeddings of `dlib`, `sface` or a trained run's folder,
            instead of a network.
        color: Whether the input is `rgb` or `gray`. Default: 'rgb'.
        size: Input size of the network, in pixels. Default: 96.
        epochs: Epochs of each training. Default: 30.
        ranges: TOML file of what may vary, in [ranges], and of what all trainings share, in [train]; by
            default what usually matters for the network.
        sampler: How settings are chosen: by those before (`tpe`), by chance, or all of a `grid`.
            Default: 'tpe'.
        trials: Number of settings to try, those of earlier calls and of other processes included.
            Default: 50.
        timeout: Start no new training after this many minutes; 0 sets no limit. Default: 0.0.
        prune: Give up a training whose validation is below the median of the others at the same epoch.
            Default: True.
        folds: Validate each setting on this many folds of the training and validation photos; 1 uses
            the tree's validation. Default: 1.
        final: Train once with the best setting when all trials are done, and score it. Default: True.
        labels: Whether labels are `people` or `classes`, such as expressions. A model of people can
            answer `unknown`. By default people, and classes with `split_by="person"`.
        split: Shares of train/test/validation, in percent. Default: '70/20/10'.
        split_by: How to split a tree that has no split (see `balance`). Default: 'group'.
        people_from: CSV with the columns `image,person`, for `split_by="person"`; needed if the data
            set does not record who is in each picture.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        A Report: what was made, kept and left out, and why.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """

def verify(
    pictures: str | PathLike[str] | Iterable[str | PathLike[str]] = (),
    *,
    pairs: str | PathLike[str] | None = None,
    embedder: str | PathLike[str] = "dlib",
    fmr: float | None = None,
    detector: str | None = None,
    detect: bool = True,
    seed: int = 42,
    jobs: int = 0,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool | _Track = False,
) -> Iterator[_ComparingAnswer]:
    """Say whether two photos show the same person. Exit code 0: the same; 1: different; 2: no answer.

    This is the command `facekit verify`, with the same options, defaults and checks.

    Args:
        pictures: Two photos; the main face of each is compared. None with `pairs`.
        pairs: CSV with the columns `first,second`: one answer for each line, and exit code 0. Its paths
            are relative to it.
        embedder: Embedder: `dlib`, `dlib-mirrored`, `sface` or a trained run's folder. Default: 'dlib'.
        fmr: False match rate: share of pairs of different people that may be called the same. By
            default the embedder's own threshold decides.
        detector: Detector for the face; by default what suits the embedder.
        detect: Detect faces; with `detect=False`, each picture is taken as a face that is already
            cropped. Default: True.
        seed: Random seed. Default: 42.
        jobs: Number of workers; 0 is one per core. Default: 0.
        overwrite: Delete earlier results in the output folder and start again. Default: False.
        dry_run: Show what would be done without writing anything. Default: False.
        progress: Whether to show progress bars, on a terminal or in a notebook; or a function that
            wraps a loop and shows it. Default: False.

    Returns:
        An iterator over the answers. Each is computed when you ask for it.

    Raises:
        FacekitError: For everything that the caller can fix; the message says how.
    """
