"""Every way of storing weights, on one model, in one run: bytes, answers kept, seconds.

    python benchmarks/quantization.py SAVED_MODEL_ARTIFACT DATASET_ARTIFACT PICTURES [MODE...]

SAVED_MODEL_ARTIFACT and DATASET_ARTIFACT are what `pagesight export` and `pagesight scan` wrote, PICTURES what was scanned.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import cast

from pagesight.artifacts import Dataset, SavedModel
from pagesight.graph.tensorflowjs import _tensorflowjs
from pagesight.options import MODES, Mode, Quantization
from pagesight.quantize import quantize


def main(saved: SavedModel, pictures: Dataset, modes: list[Mode]) -> None:
    """Print one row for each mode; TensorFlow is imported before the clock starts."""
    _tensorflowjs()
    print(f"{'mode':12} {'bytes':>9} {'gzip':>9} {'kept':>7} {'accuracy':>8} {'seconds':>8} {'without pictures':>16}")
    with tempfile.TemporaryDirectory() as scratch:
        for mode in modes:
            started = time.perf_counter()
            facts = quantize(saved, Quantization(mode), Path(scratch) / mode, pictures).facts
            seconds = time.perf_counter() - started
            started = time.perf_counter()
            quantize(saved, Quantization(mode), Path(scratch) / f"{mode}-alone")
            alone = time.perf_counter() - started
            kept, accuracy, stored = facts.storage.top1_agreement, facts.accuracy, facts.storage
            row = f"{mode:12} {stored.bytes:9} {stored.gzip_bytes:9} {kept:7.2%} {accuracy:8.2%} {seconds:8.1f} {alone:16.1f}"
            print(row, flush=True)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    model, dataset, root, *chosen = sys.argv[1:]
    main(SavedModel(Path(model)), Dataset(Path(dataset), root=Path(root)), cast("list[Mode]", chosen or list(MODES)))
