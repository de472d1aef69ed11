"""A data set as PyTorch takes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from facekit.base.contract import Image


class Pictures(Dataset):  # type: ignore[misc]
    """Pairs of a picture, uint8 tensor (3, height, width), and its class. A DataLoader's workers may read it."""

    def __init__(
        self, read: Callable[[int], Image], classes: NDArray[np.int64], transform: Callable[[Any], Any] | None
    ) -> None:
        """Read pictures by their places; `transform` is given each tensor, and what it returns takes its place."""
        self._read, self._classes, self.transform = read, classes, transform

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._classes)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        """Return a picture and its class."""
        tensor = torch.from_numpy(np.ascontiguousarray(self._read(index).transpose(2, 0, 1)))
        return (tensor if self.transform is None else self.transform(tensor)), int(self._classes[index])
