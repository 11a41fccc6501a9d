"""What a trained network is tested on, as it takes it, and what the test leaves behind."""

from typing import Iterable, Iterator, List, Tuple

import numpy as np

from ...base.errors import UserError
from ...data.dataset import DataSet
from ...runfiles.data import class_places
from ...runfiles.network import NetworkDescription
from ...runfiles.predictions import write_predictions

Batch = Tuple[np.ndarray, np.ndarray]


class TestedData:
    """The test images of a DataSet as the network of a description takes them: its classes, by name, and its normalisation."""

    def __init__(self, data: DataSet, description: NetworkDescription) -> None:
        """Raises UserError for a class that the network does not have."""
        self.data = data
        try:
            self._places = np.array(class_places(description.classes, data.classes), np.int32)
        except UserError as error:
            place = f' in {data.options.dir}' if data.options.dir else ''
            raise UserError(f'data set {data.name}{place}: {error}') from None
        own, wanted = (
            [np.array(values, np.float32).reshape(3, 1, 1) for values in (one.mean, one.std)]
            for one in (data, description)
        )
        self._same = all(map(np.array_equal, own, wanted))
        self._scale, self._shift = own[1] / wanted[1], (own[0] - wanted[0]) / wanted[1]

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """Yield (x normalised as in training, y places among the network's classes)."""
        for x, y in self.data.batches('test', batch_size, train=False):
            yield x if self._same else x * self._scale + self._shift, self._places[y]


class Seen:
    """Collects what a test leaves behind: every prediction, and the images that were most wrong."""

    def __init__(self, description: NetworkDescription, worst: int) -> None:
        self.description, self.worst = description, worst
        self.labels: List[np.ndarray] = []
        self.probabilities: List[np.ndarray] = []
        self.images: List[Tuple[float, int, np.ndarray]] = []  # (probability of its label, index, image)
        self._queue: List[np.ndarray] = []

    def all_labels(self) -> np.ndarray:
        """Return the labels of all images: int64 (n,)."""
        return np.concatenate(self.labels).astype(np.int64)

    def predicted(self) -> np.ndarray:
        """Return the most probable class of all images: int (n,)."""
        return np.concatenate(self.probabilities).argmax(axis=1)

    def watch(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield the batches, their images kept until `add` has seen what became of them."""
        for x, y in batches:
            self._queue.append(x)
            yield x, y

    def add(self, logits: np.ndarray, labels: np.ndarray) -> None:
        """Add one batch's logits (b, classes) and labels (b,)."""
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = (shifted / shifted.sum(axis=1, keepdims=True)).astype(np.float32)
        first = sum(len(part) for part in self.labels)
        self.labels.append(labels)
        self.probabilities.append(probabilities)
        x = self._queue.pop(0)
        for number in np.flatnonzero(probabilities.argmax(axis=1) != labels):
            self.images.append((float(probabilities[number, labels[number]]), first + int(number), x[number].copy()))
        self.images.sort(key=lambda entry: entry[:2])
        del self.images[self.worst :]

    def write(self, folder: str) -> None:
        """Write predictions.npz into the run directory `folder`."""
        mean, std = (
            np.array(values, np.float32).reshape(3, 1, 1) for values in (self.description.mean, self.description.std)
        )
        size = self.description.image_size
        images = [
            np.clip((image * std + mean) * 255 + 0.5, 0, 255).astype(np.uint8).transpose(1, 2, 0)
            for _, _, image in self.images
        ]
        write_predictions(
            folder,
            labels=self.all_labels(),
            probabilities=np.concatenate(self.probabilities),
            classes=self.description.classes,
            worst_index=[index for _, index, _ in self.images],
            worst_images=np.array(images, np.uint8).reshape(-1, size, size, 3),
        )
