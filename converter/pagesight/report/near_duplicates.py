"""Near-duplicates: pairs of pictures that look the same, found in near-linear time."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pagesight.report.image_statistics import Looks

MAX_BITS = 4
"""Near-duplicates differ in so many of 64 bits at most."""
_BANDS = (13, 13, 13, 13, 12)
"""One band more than bits may differ: at least one band of two near-duplicates is then equal (the pigeonhole principle)."""
_NEIGHBOURS = 32
"""In a crowded bucket each picture is compared with so many that follow it, so that flat pictures cost no more than others."""
_MAX_DIFFERENCE = 6.0
"""Gray levels by which two thumbs may differ on average: hashes alone take hands before one wall for the same hand."""

_COPY = 2.0
"""The same for pictures of two classes: copies that were scaled and compressed again stay below 1.3, hands in one room do not."""

Pairs = NDArray[np.int64]


def near_duplicates(looks: Looks, labels: NDArray[np.int64], max_bits: int = MAX_BITS) -> Pairs:
    """Rows of near-duplicates, `[pairs, 2]`, the smaller row first, sorted; `labels` `[n]` are their classes.

    Candidates share a band of their 64-bit dHash and differ in `max_bits` at most; the mean difference of their thumbs, gray level
    by gray level, decides: pictures of two classes must be copies. With more than four bits some pairs are missed, never a wrong
    one added.
    """
    result: list[Pairs] = []
    edges = np.cumsum((0, *_BANDS))
    bands = [(looks.hash >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1) for low, high in pairwise(edges.tolist())]
    for number, band in enumerate(bands):
        order = np.lexsort((looks.hash, band))
        for step in range(1, _NEIGHBOURS + 1):
            left, right = order[:-step], order[step:]
            same = band[left] == band[right]
            if not same.any():
                break
            for earlier in bands[:number]:
                same &= earlier[left] != earlier[right]  # those were compared before
            pairs = np.stack([left[same], right[same]], 1)
            result.append(_confirmed(pairs, looks, labels, max_bits))
    return np.unique(np.sort(np.concatenate(result), axis=1), axis=0) if result else np.zeros((0, 2), np.int64)


def _confirmed(pairs: Pairs, looks: Looks, labels: NDArray[np.int64], max_bits: int) -> Pairs:
    differing = looks.hash[pairs[:, 0]] ^ looks.hash[pairs[:, 1]]
    bits = np.unpackbits(differing[:, None].view(np.uint8), axis=1).sum(1)
    pairs = pairs[bits <= max_bits]
    parts = np.array_split(pairs, len(pairs) // 4096 + 1)
    differences = np.concatenate([_differences(looks, part[:, 0], part[:, 1]) for part in parts])
    most = np.where(labels[pairs[:, 0]] == labels[pairs[:, 1]], _MAX_DIFFERENCE, _COPY)
    return np.asarray(pairs[differences <= most])


def _differences(looks: Looks, left: Pairs, right: Pairs) -> NDArray[np.float32]:
    """Mean difference of thumbs, in gray levels, after both were made equally bright."""
    signed = looks.thumb[left].astype(np.float32) - looks.thumb[right]
    return np.asarray(np.abs(signed - signed.mean((1, 2), keepdims=True)).mean((1, 2)))


def families(pairs: Pairs) -> list[list[int]]:
    """Rows that pairs connect, directly or through others: each family sorted, families by their first row."""
    from scipy.cluster.hierarchy import DisjointSet

    together = DisjointSet(range(int(pairs.max(initial=-1)) + 1))
    for a, b in pairs.tolist():
        together.merge(a, b)
    return sorted(sorted(family) for family in together.subsets() if len(family) > 1)


def runs(names: Sequence[tuple[str, int] | None], looks: Looks, max_difference: float) -> Iterator[list[int]]:
    """Bursts: rows of three or more pictures with consecutive numbers in their names, each much like the one before.

    `names[i]` is what stands before the number in the name of picture i, and the number; None where there is none.
    """
    order = sorted((name, row) for row, name in enumerate(names) if name is not None)
    run: list[int] = []
    for ((stem, number), row), before in zip(order, [None, *order[:-1]], strict=True):
        follows = before is not None and before[0][0] == stem and 0 < number - before[0][1] <= 2
        if not (follows and run and float(_differences(looks, np.array([run[-1]]), np.array([row]))[0]) <= max_difference):
            if len(run) >= 3:
                yield run
            run = []
        run.append(row)
    if len(run) >= 3:
        yield run
