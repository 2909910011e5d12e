"""The answers on validation and test, judged: how right, how well meant, and from which probability on to be believed."""

from dataclasses import dataclass

import numpy as np

from pagesight import calibration, metrics
from pagesight.calibration import ACCEPTED, Floats, Labels
from pagesight.contract import Contract
from pagesight.records.evaluation import Accuracies, Calibration, Confused, DecisionInPage, EvaluationFacts, ProposedDecision
from pagesight.records.training import TestAccuracy
from pagesight.report.image_statistics import Seen

_MOST_CLASSES = 100
"""Classes up to which report.json holds the whole confusion matrix."""


@dataclass(frozen=True)
class Evaluation:
    """The test side's answers, before and after temperature scaling, and what was chosen on the validation side."""

    seen: Seen
    contract: Contract
    labels: Labels
    answered: Floats
    """Probabilities as the page gives them."""
    before: Floats
    after: Floats
    temperature: float
    threshold: float
    unknown: Floats | None
    leaked: Labels
    """Rows whose near-duplicates were seen in training or used to choose."""
    false_accepts: float
    """Share of pictures of other things that may be accepted."""

    @classmethod
    def of(
        cls, seen: Seen, contract: Contract, unknown: Floats | None, leaked: Labels, false_accepts: float, *, decided: bool
    ) -> "Evaluation":
        """Take temperature and threshold from the contract where they were `decided`; else propose some. `leaked` as below."""
        applied = contract.decision.temperature  # inside the graph already: taken out to show what it does
        held_out, held_labels, _ = seen.on("validation")
        answered, labels, _ = seen.on("test")
        plain = [calibration.scaled(p, 1 / applied) if applied != 1 else p for p in (held_out, answered)]
        temperature = applied if decided else calibration.fitted_temperature(plain[0], held_labels)
        after = [calibration.scaled(p, temperature) for p in plain]
        ood = None if unknown is None else calibration.scaled(unknown, temperature / applied)
        proposed = calibration.threshold_for(after[0], held_labels, ACCEPTED)
        threshold = contract.decision.threshold if decided else proposed
        return cls(seen, contract, labels, answered, plain[1], after[1], temperature, threshold, ood, leaked, false_accepts)

    @property
    def predicted(self) -> Labels:
        """The page's answers on the test side."""
        return np.asarray(self.answered.argmax(1), np.int64)

    def worst(self, most: int) -> list[int]:
        """Rows of the test side's mistakes, the surest first."""
        rows = self.seen.on("test")[2]
        wrong = rows[self.predicted != self.labels]
        return [int(row) for row in wrong[np.lexsort((wrong, -np.round(self.seen.sure[wrong], 4)))][:most]]

    def facts(self, trained: TestAccuracy | None) -> EvaluationFacts:
        """What was measured, in numbers; `trained` is what training itself measured."""
        held_out, held_labels, _ = self.seen.on("validation")
        fresh = ~np.isin(self.seen.on("test")[2], self.leaked)
        by_class = metrics.per_class(self.labels, self.predicted, self.contract.labels)
        confusion, confused = self._confusion()
        return EvaluationFacts(
            accuracy=Accuracies(
                test=metrics.accuracy(self.labels, self.predicted),
                validation=metrics.accuracy(held_labels, np.asarray(held_out.argmax(1), np.int64)),
                test_without_near_duplicates=None if fresh.all() else metrics.accuracy(self.labels[fresh], self.predicted[fresh]),
                cross_validated=trained.cross_validated if trained else None,
                by_split=trained.by_split if trained else None,
            ),
            classes=by_class.classes,
            macro=by_class.macro,
            weighted=by_class.weighted,
            confusion=confusion,
            confused=confused,
            calibration=Calibration(
                bins=metrics.BINS,
                fitted_on=len(held_labels),
                temperature=self.temperature,
                ece_before=metrics.reliability(self.before, self.labels).ece,
                ece_after=metrics.reliability(self.after, self.labels).ece,
            ),
            decision=ProposedDecision(
                accepts_of_right=ACCEPTED,
                temperature=self.temperature,
                threshold=self.threshold,
                test=metrics.accepted(self.after, self.labels, self.threshold),
            ),
            decision_in_page=DecisionInPage(
                temperature=self.contract.decision.temperature,
                threshold=self.contract.decision.threshold,
                test=metrics.accepted(self.answered, self.labels, self.contract.decision.threshold),
            ),
            unknown=None
            if self.unknown is None
            else metrics.ood_metrics(self.after, self.unknown, self.threshold, self.false_accepts),
        )

    def _confusion(self) -> tuple[tuple[tuple[int, ...], ...] | None, tuple[Confused, ...]]:
        """The matrix, where it can be read by people, and its largest cells off the diagonal."""
        names = self.contract.labels
        matrix = metrics.confusion(self.labels, self.predicted, len(names))
        off = matrix * (1 - np.eye(len(names), dtype=np.int64))
        cells = np.argsort(-off, axis=None, kind="stable")[:20]
        pairs = [(*divmod(int(cell), len(names)), int(off.flat[cell])) for cell in cells]
        shown = tuple(tuple(row) for row in matrix.tolist()) if len(names) <= _MOST_CLASSES else None
        return shown, tuple(Confused(names[a], names[b], n) for a, b, n in pairs if n)
