"""What the tests call close: wide enough for any order of additions, far too narrow for a wrong weight."""

import numpy as np
import pytest

from . import tolerance


@pytest.mark.parametrize(("layers", "terms"), [(1, 9), (28, 256), (53, 1024)])
def test_another_order_of_additions_is_close_and_a_weight_that_is_wrong_is_not(layers: int, terms: int) -> None:
    rng = np.random.default_rng(layers)
    matrices = rng.normal(0, (2 / terms) ** 0.5, (layers, terms, terms)).astype(np.float32)

    def answers(matrices: np.ndarray, step: int) -> np.ndarray:
        """Products that are added `step` at a time, as vector instructions of that width do."""
        x = np.linspace(0.5, 1, terms, dtype=np.float32)
        for matrix in matrices:
            products = x[:, None] * matrix
            lanes = [products[lane::step].cumsum(0, dtype=np.float32)[-1] for lane in range(min(step, terms))]
            x = np.maximum(np.cumsum(lanes, 0, dtype=np.float32)[-1], 0)
        return x

    one = answers(matrices, 1)
    close = tolerance.of_sum(terms, np.abs(one).max(), layers)
    assert all(np.abs(answers(matrices, step) - one).max() <= close for step in (4, 8, 16))
    wrong = matrices.copy()
    wrong[0, -1] *= 1.1  # a tenth more on one input of the first layer
    assert np.abs(answers(wrong, 1) - one).max() > 10 * close
