"""What was measured, told to people: report.html beside the page, and the same in numbers for report.json."""

import tempfile
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from pagesight import progress
from pagesight.artifacts import Dataset, Origin, WebModel
from pagesight.calibration import FALSE_ACCEPTS, Floats, Labels
from pagesight.contract import Contract, Decision
from pagesight.errors import BundleError
from pagesight.graph.model import GraphModel, Runner
from pagesight.pictures.model_inputs import model_inputs_of
from pagesight.records.evaluation import EvaluationFacts
from pagesight.records.training import TestAccuracy
from pagesight.report import findings, html, near_duplicates
from pagesight.report.evaluation import Evaluation
from pagesight.report.gallery import Gallery
from pagesight.report.image_statistics import as_out_of_fold, image_statistics
from pagesight.report.training_findings import training_findings

T = TypeVar("T")
_MISTAKES = 12
_DIGITS = 6
"""Of what is written: the last bits of a sum differ between machines."""


def report_sources() -> list[Path]:
    """The files that decide what a report looks like, sorted: part of the key of what holds one."""
    return sorted(p for p in Path(__file__).parent.iterdir() if p.suffix in (".py", ".css", ".j2"))


def write_report(web: WebModel, origin: Origin, into: Path | None) -> EvaluationFacts | None:
    """Evaluate the stored model of `web` on its dataset; write report.html, report.css and report/*.jpg into `into`, if anywhere.

    Returns   what report.json holds under "evaluation": it names pictures only where they are shown; None, and nothing is written,
              for a model that has no dataset.
    Raises    BundleError when the dataset has a class that the model does not know.
    """
    if origin.dataset is None:
        return None
    contract = web.contract
    model = GraphModel.read(web.path / contract.model_path)
    with Runner(model, [contract.outputs.probabilities]) as runner:
        seen = image_statistics(origin.dataset, _columns(origin.dataset, contract), contract.input, runner)
        unknown = _out_of_distribution(origin.dataset, contract, runner)
    seen = as_out_of_fold(seen, _out_of_fold(origin))
    with progress.task("writing the report"):
        pairs = near_duplicates.near_duplicates(seen.looks, seen.labels)
        grouped = origin.dataset.facts.split == "group"
        result = findings.find(seen, pairs, contract.labels, contract.input.side, grouped=grouped)
        if origin.trained:
            result = findings.ordered([*result, *training_findings(origin.trained.facts)])
        decided = seen.folds is not None or _was_decided(origin, contract)
        evaluated = Evaluation.of(seen, contract, unknown, findings.leaked(seen, pairs), _false_accepts(origin), decided=decided)
        told = tuple(finding.facts(seen) for finding in result)
        evaluation = replace(evaluated.facts(_trained_accuracy(origin)), findings=told)
        if into is None:
            return _rounded(replace(evaluation, findings=tuple(replace(finding, pictures=()) for finding in told)))
        gallery = Gallery(origin.dataset, model, contract, into)
        mistakes = gallery.mistakes(seen, evaluated.worst(_MISTAKES))
        evaluation = _rounded(replace(evaluation, mistakes=tuple(mistakes)))
        thumbs = [gallery.thumbs(seen, f.rows) for f in result]
        html.write(into, html.Summary(contract, origin, seen, evaluated, evaluation, thumbs))
    return evaluation


def _out_of_distribution(dataset: Dataset, contract: Contract, runner: Runner) -> Floats | None:
    """Probabilities `[m, classes]` of the pictures of other things that were kept for testing; None where there are none."""
    pictures = dataset.unknown_on("test")
    if not pictures:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        return np.asarray(runner(model_inputs_of(dataset, pictures, contract.input, Path(scratch) / "squares.npy"))[0])


def _trained_accuracy(origin: Origin) -> TestAccuracy | None:
    """What training measured, by cross-validation too where pictures were few, or have groups."""
    return origin.trained.facts.accuracy if origin.trained else None


def _was_decided(origin: Origin, contract: Contract) -> bool:
    """Whether temperature and threshold were set by pictures: in training, by `--test`, or where the model was made before."""
    tested = origin.adopted is not None and origin.adopted.adopted.accuracy is not None
    return origin.trained is not None or tested or contract.decision != Decision(kind=contract.decision.kind)


def _false_accepts(origin: Origin) -> float:
    """The rate that the threshold was set for."""
    given = origin.trained.facts.decision.false_accepts if origin.trained else None
    return FALSE_ACCEPTS if given is None else given


def _out_of_fold(origin: Origin) -> tuple[Floats, Labels] | None:
    """Answers of models that had not seen a picture, where all were learned from."""
    return origin.trained.out_of_fold if origin.trained else None


def _columns(dataset: Dataset, contract: Contract) -> list[int]:
    missing = sorted(set(dataset.labels) - set(contract.labels))
    if missing:
        raise BundleError(
            f"the pictures have a class that the model does not know: {missing[0]!r}",
            fix="give the pictures that the model was trained on, or none",
        )
    return [contract.labels.index(label) for label in dataset.labels]


def _rounded(value: T) -> T:
    """The same record with its floats rounded, at any depth."""
    return cast("T", _round(value))


def _round(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, _DIGITS)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: _round(getattr(value, f.name)) for f in fields(value)})
    return tuple(_round(v) for v in value) if isinstance(value, tuple) else value
