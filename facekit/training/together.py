"""Training one network on several hosts: each computes its share of every batch, and all hold the same weights.

Keras' `DataParallel` over the processes of JAX does the sums; here is what it leaves open. That the hosts do the same
is checked before the first step (`agreed`), because JAX would wait for ever, or compute nonsense, where they do not.
Where a training goes on, its state is the first host's alone, and is sent to the others. A step of all hosts computes
what one host with the whole batch computes, batch normalisation included.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facekit import __version__
from facekit.base import plugins
from facekit.base.contract import FacekitError
from facekit.base.files import sha256_of
from facekit.base.plain import convert, to_plain
from facekit.networks.backend import keras
from facekit.options.base import recorded
from facekit.options.hosts import hosts_of
from facekit.options.train import Train
from facekit.runs.weights import SUFFIX
from facekit.training.checkpoint import Checkpoint, State
from facekit.training.feed import Share
from facekit.training.pack import Pack
from facekit.training.plan import Plan

_AT_ONCE = 4 << 20
"""Bytes of a file that are sent at a time."""

_DIFFER = {
    "devices": "{name} has other devices to compute on than {first}, and each host takes an equal share; leave out the "
    "odd one, or set CUDA_VISIBLE_DEVICES",
    "weights": "--weights {options.weights} is another file on {name} than on {first}; give both the same",
    "pictures": "{options.input}: the pictures on {name} are not those on {first}; give all hosts the same folder",
    "split": "{options.input}: {name} splits the pictures otherwise than {first}; draw the split once, with "
    "`facekit balance`, and train on what it writes",
}
"""What has to be the same on all hosts, and what is said where it is not."""

_current: list[Team] = []


def current() -> Team | None:
    """Return the hosts that this process trains together with; None where it trains alone."""
    return _current[-1] if _current else None


@dataclass(frozen=True)
class Team:
    """The processes that train together, one on each host."""

    names: Sequence[str]
    """What each is called, the first one's name first."""
    number: int
    """The place of this process, from 0."""
    devices: int
    """The accelerators of all together, or the CPUs where there are none."""
    here: str
    """Those of this process: `2 gpu`."""
    options: Train

    @classmethod
    def of_jax(cls, options: Train) -> Team:
        """Return the processes that JAX has joined."""
        jax = plugins.need("jax", "--hosts")
        names = [str(host) for host in hosts_of(options.hosts or "")]
        names = names or [f"host {number}" for number in range(jax.process_count())]
        here = f"{jax.local_device_count()} {jax.local_devices()[0].platform}"
        return cls(names, jax.process_index(), jax.device_count(), here, options)

    @property
    def size(self) -> int:
        """The number of processes."""
        return len(self.names)

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes the run."""
        return self.number == 0

    @property
    def share(self) -> Share:
        """What this process computes of each batch."""
        return Share(self.number, self.size, self.devices)

    @contextmanager
    def distributed(self) -> Iterator[None]:
        """Let the networks that are built meanwhile have the same weights on all hosts."""
        # The feed gives each host its share; Keras can do that for TensorFlow's data sets alone.
        spread = keras.distribution.DataParallel(devices=keras.distribution.list_devices(), auto_shard_dataset=False)
        keras.distribution.set_distribution(spread)
        _current.append(self)
        try:
            yield
        finally:
            self._alone()

    def agreed(self, plan: Callable[[], Plan]) -> Plan | None:
        """Plan, and return the plan once all hosts have the same one; None where the run is complete already.

        Raises FacekitError on all hosts where one of them cannot plan, and where they differ.
        """
        planned, error = None, None
        try:
            planned = plan()
        except FacekitError as refused:  # which the others have to hear of, or they would wait
            error = refused
        told = self._gathered({"error": str(error)} if planned is None else self._says(planned))
        if error is not None:
            raise error
        for name, other in zip(self.names, told, strict=True):
            if "error" in other:
                raise FacekitError(f"{name}: {other['error']}")
        self._compare(told)
        if self.options.batch % self.devices:
            near = max(self.options.batch // self.devices, 1) * self.devices
            raise FacekitError(
                f"--batch is {self.options.batch}, and the hosts compute on {self.devices} devices, which take equal "
                f"shares; give --batch {near}"
            )
        if told[0]["complete"] and not self.is_first:
            self.part()
        return None if told[0]["complete"] and not self.is_first else planned

    def _says(self, plan: Plan) -> dict[str, Any]:
        # In order of paths: a run keeps its split in another order than a tree.
        split = sorted((record.path, record.split, record.targets) for record in plan.split.records)
        versions = {name: importlib.metadata.version(name) for name in ("keras", "jax", "numpy")}
        return {
            "versions": {"facekit": __version__, **versions},
            "options": recorded(plan.options),
            "devices": self.here,
            "weights": _of_weights(Path(self.options.weights)),
            "pictures": plan.split.dataset.digest(),
            "split": _digest(split),
            "complete": plan.complete,
        }

    def _compare(self, told: Sequence[Mapping[str, Any]]) -> None:
        """Raise FacekitError for the first thing in which a host differs from the first."""
        for name, other in zip(self.names, told, strict=True):
            for kind, command in (("versions", "install the same one on both"), ("options", "type the same command")):
                for key, value in told[0][kind].items():
                    there = other[kind].get(key)
                    if there != value:
                        first = self.names[0]
                        raise FacekitError(
                            f"the hosts do not agree: {key} is {value} on {first} and {there} on {name}; {command}"
                        )
            wrong = next((kind for kind in _DIFFER if other[kind] != told[0][kind]), None)
            if wrong is not None:
                raise FacekitError(_DIFFER[wrong].format(first=self.names[0], name=name, options=self.options))

    def follow(self, checkpoint: Checkpoint) -> Checkpoint:
        """Return the checkpoint to go on from, which the others get from the first host.

        All hosts keep one, the others in a scratch folder: what Keras does where it saves and loads weights, all
        processes have to do together.
        """
        state = self._gathered(checkpoint.state if self.is_first else None)[0]
        epochs = len(state["rows"])
        if not epochs:
            return checkpoint
        ours = checkpoint.last.read_bytes() if self.is_first else b""
        theirs = self._broadcast(ours)
        if self.is_first:
            return checkpoint
        following = Checkpoint(checkpoint.folder, convert(state, State))
        following.folder.mkdir(exist_ok=True)
        following.last.write_bytes(theirs)
        return following

    def check_pack(self, packed: Pack) -> None:
        """Raise FacekitError where a host could read other pictures than another: their steps would not be the same."""
        told = self._gathered(_digest([record.path for record in packed.records]))
        for name, other in zip(self.names, told, strict=True):
            if other != told[0]:
                raise FacekitError(
                    f"{self.options.input}: {name} cannot read the same pictures as {self.names[0]}; look at its disk, "
                    "or give all hosts the same folder"
                )

    def part(self) -> None:
        """Leave each other, all at one time: what follows is the first host's work alone."""
        self._alone()
        plugins.need("jax", "--hosts").distributed.shutdown()

    def _alone(self) -> None:
        if self in _current:
            _current.remove(self)
        keras.distribution.set_distribution(None)

    def _broadcast(self, data: bytes) -> bytes:
        """Return what the first host gives."""
        utils = plugins.need("jax.experimental.multihost_utils", "--hosts")
        size = self._gathered(len(data))[0]
        parts = []
        for begin in range(0, size, _AT_ONCE):  # all of one length, for which JAX compiles it once
            part = np.zeros(_AT_ONCE, np.uint8)
            own = np.frombuffer(data[begin : begin + _AT_ONCE], np.uint8)
            part[: len(own)] = own
            parts.append(np.asarray(utils.broadcast_one_to_all(part), np.uint8).tobytes())
        return b"".join(parts)[:size]

    def _gathered(self, value: Any) -> list[Any]:
        """Return what each host gives: values of JSON."""
        utils = plugins.need("jax.experimental.multihost_utils", "--hosts")
        data = np.frombuffer(json.dumps(to_plain(value)).encode(), np.uint8)
        sizes = utils.process_allgather(np.array(len(data), np.int32)).reshape(-1)
        padded = np.zeros(int(sizes.max()), np.uint8)
        padded[: len(data)] = data
        rows = utils.process_allgather(padded).reshape(self.size, -1)
        return [json.loads(row[:size].tobytes()) for row, size in zip(rows, sizes, strict=True)]


def _of_weights(weights: Path) -> str:
    """Return the digest of the weights to begin with, where they are a file or a run's."""
    files = [weights] if weights.is_file() else sorted(weights.glob(f"*{SUFFIX}"))
    return _digest([sha256_of(file) for file in files])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(to_plain(value)).encode()).hexdigest()
