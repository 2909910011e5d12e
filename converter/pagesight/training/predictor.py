"""What a network predicts of any number of pictures, batch by batch."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight.graph.tensorflow import tensorflow
from pagesight.pictures.model_inputs import release
from pagesight.pixels import Pixels
from pagesight.training.distribution import ALONE, Distribution

_BATCH = 64
RELEASE_EVERY = 8
"""Batches after which the memory of model inputs that were read is released."""


@dataclass(frozen=True)
class Predictor:
    """Predictions of one model for any number of model inputs; traced once, the same on every worker."""

    _forward: Any
    distribution: Distribution

    @classmethod
    def of(cls, model: Any, distribution: Distribution = ALONE) -> "Predictor":
        """Predicts with the weights that `model` has at the time of asking."""
        return cls(distribution.everywhere(lambda x: model(x, training=False)[:2]), distribution)

    def probabilities(self, inputs: Pixels) -> NDArray[np.float32]:
        """Float32 `[n, classes]`."""
        return self._of(inputs, 0)

    def embeddings(self, inputs: Pixels) -> NDArray[np.float32]:
        """Float32 `[n, d]`."""
        return self._of(inputs, 1)

    def evaluate(self, inputs: Pixels, labels: NDArray[np.int64]) -> tuple[float, float]:
        """Mean cross-entropy (nats) and accuracy (0..1); infinite and nan where there are no pictures."""
        if not len(labels):
            return math.inf, math.nan
        probabilities = self.probabilities(inputs)
        loss = -np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-7)).mean()
        return float(loss), float((probabilities.argmax(1) == labels).mean())

    def _of(self, inputs: Pixels, output: int) -> NDArray[np.float32]:
        result = []
        many = _BATCH * self.distribution.replicas
        for batch, start in enumerate(range(0, len(inputs), many)):
            rows = np.arange(start, min(start + many, len(inputs)))
            floats = self.distribution.values(partial(_floats, inputs, self.distribution.parts(rows)))
            result.append(self.distribution.gathered(self._forward(floats)[output])[: len(rows)])
            if batch % RELEASE_EVERY == 0:
                release(inputs)
        return np.concatenate(result)


def _floats(inputs: Pixels, parts: list[NDArray[np.int64]], replica: int) -> Any:
    return tensorflow().constant(inputs[parts[replica]], tensorflow().float32)
