"""Classes that the model does not tell apart: those hardly ever recognized, and pairs that look alike to it."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from pagesight.report.finding import Finding
from pagesight.report.image_statistics import Seen

_ASKED = 5
"""Pictures of a class below which nothing is said of how often it is recognized."""
_HARDLY_EVER = 0.2
_LOOK_ALIKE = 0.25
"""Share of the pictures of two classes that are taken for the other from which they look alike, and how many at least."""
_LOOK_ALIKE_PICTURES = 4


def class_findings(seen: Seen, labels: tuple[str, ...]) -> Iterator[Finding]:
    """Findings about the classes, by what was said of test pictures."""
    _, meant, rows = seen.on("test")
    predicted = seen.said[rows]
    asked = np.bincount(meant, minlength=len(labels))
    right = np.bincount(meant[predicted == meant], minlength=len(labels))
    missed = [i for i in range(len(labels)) if asked[i] >= _ASKED and right[i] <= _HARDLY_EVER * asked[i]]
    for i in missed:
        yield Finding(
            "class_missed",
            "serious",
            f"“{labels[i]}” is hardly ever recognized: {right[i]} of {asked[i]} pictures of it.",
            "Check that its pictures show it large enough and on its own; add more, or merge it with the class it is mistaken for.",
            tuple(rows[(meant == i) & (predicted != i)].tolist()),
        )
    for a, b in combinations([i for i in range(len(labels)) if i not in missed], 2):
        either = np.isin(meant, (a, b)) & np.isin(predicted, (a, b))
        taken = either & (meant != predicted)
        if taken.sum() >= _LOOK_ALIKE_PICTURES and taken.sum() > _LOOK_ALIKE * either.sum():
            yield Finding(
                "look_alike_classes",
                "warning",
                f"“{labels[a]}” and “{labels[b]}” look alike to the model: {taken.sum()} of {either.sum()} pictures of the two "
                "are mistaken for the other.",
                "Add pictures of both that show what distinguishes them, or merge the two classes.",
                tuple(rows[taken].tolist()),
            )
