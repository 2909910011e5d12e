"""Promises about the report: the page is safe, whole and the same every time."""

import itertools
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pagesight import manifest, pixels, records
from pagesight.artifacts import SIDES, Origin, WebModel
from pagesight.contract import Contract, Decision, Input, Outputs
from pagesight.options import Scanning
from pagesight.pictures.model_inputs import model_inputs_of
from pagesight.records.evaluation import Mistake
from pagesight.records.training import BySplit, CrossValidated, Epoch, TestAccuracy
from pagesight.report import _was_decided, class_activation, findings, html, near_duplicates, plots, write_report
from pagesight.report.evaluation import Evaluation
from pagesight.report.image_statistics import Seen
from pagesight.scan import scan
from pagesight.training.cross_validation import cross_validated
from pagesight.training.distribution import ALONE
from pagesight.training.predictor import Predictor

from .conftest import PhotoFolder, draw, write_grays
from .seen import scene, seen_of

# Figures


def test_figures_carry_no_inline_style_and_are_the_same_twice() -> None:
    history = [Epoch(2.0, 1.0, 0.5)] * 3
    first, second = plots.learning_curves(history), plots.learning_curves(history)
    assert first == second
    for plot in first:
        assert "style" not in plot.svg
        assert "#0000" not in plot.svg
        assert "currentColor" in plot.svg or "stroke-accent" in plot.svg


def test_an_epoch_without_validation_pictures_is_drawn_all_the_same() -> None:
    [loss] = plots.learning_curves([Epoch(1.0, float("inf"), float("nan"))])
    assert loss.svg.startswith("<svg")
    assert "nan" not in loss.alt


def test_the_heat_map_is_hottest_where_the_class_was_seen() -> None:
    features = np.zeros((4, 4, 2), np.float32)
    features[1, 2, 0], features[3, 3, 1] = 2, 5
    result = class_activation.activation(features, np.float32([[1, 0], [0, 1]]), 0)
    assert np.unravel_index(result.argmax(), result.shape) == (1, 2)
    assert result[3, 3] == 0
    assert class_activation.overlaid(np.full((32, 32, 3), 90, np.uint8), result).size == (32, 32)


# The page


class _Page(HTMLParser):
    """Tags and attributes; fails on nothing, as browsers do."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


_EVIL = '<b>"ü'


def _summary(**more: Any) -> html.Summary:
    """What the page tells of twelve pictures of two classes, one with a wild name, a third of them mistaken."""
    rng = np.random.default_rng(7)
    labels = np.array([0, 1] * 6)
    predicted = np.where(np.arange(12) % 3 == 0, 1 - labels, labels)
    splits = ["train", "validation", "test", "test"] * 3
    paths = [f"{_EVIL}/{_EVIL}{i}.jpg" for i in range(12)]
    seen = seen_of(
        [scene(rng) for _ in labels],
        labels=labels,
        said=predicted,
        sure=np.full(12, 0.95),
        own=np.full(12, 0.04),
        splits=splits,
        paths=paths,
    )
    contract = Contract(_EVIL, _EVIL, (_EVIL, "</script>"), Input(96), Outputs("p"), description=_EVIL)
    evaluated = Evaluation.of(seen, contract, more.get("unknown"), np.zeros(0, np.int64), 0.01, decided=False)
    result = findings.find(seen, near_duplicates.near_duplicates(seen.looks, seen.labels), contract.labels, 96, grouped=False)
    mistake = Mistake(paths[0], _EVIL, "</script>", 0.95, 0.04, "report/a.jpg", None)
    trained = TestAccuracy(0, 0.0, (0.0, 1.0), more.get("crossed"), more.get("by_split"))
    told = tuple(f.facts(seen) for f in result)
    evaluation = replace(evaluated.facts(trained), mistakes=(mistake,), findings=told)
    return html.Summary(
        contract, Origin(), seen, evaluated, evaluation, [[{"file": "report/b.jpg", "path": paths[0]}] for _ in result]
    )


def test_a_temperature_of_one_that_training_found_is_no_reason_to_propose_another_threshold() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 60)
    second = np.clip(np.where(labels == 1, 0.8, 0.2) + rng.normal(0, 0.08, 60), 0.02, 0.98)
    answers = np.stack([1 - second, second], 1).astype(np.float32)
    pictures = tuple(SimpleNamespace(side="validation" if i < 30 else "test") for i in range(60))
    seen: Any = Seen(pictures, labels, answers.argmax(1), answers.max(1), answers.max(1), None, np.arange(60), answers)
    contract = Contract("a", "a", ("x", "y"), Input(32), Outputs("p"), Decision(1.0, 0.91))
    others = np.stack([np.full(20, 0.15), np.full(20, 0.85)], 1)
    assert _was_decided(Origin(), contract)
    facts = Evaluation.of(seen, contract, others, np.zeros(0, np.int64), 0.01, decided=True).facts(None)
    assert facts.decision.threshold == facts.decision_in_page.threshold == 0.91
    assert facts.unknown is not None
    assert facts.unknown.false_accepts == 0
    undecided = replace(contract, decision=Decision())
    assert not _was_decided(Origin(), undecided)
    assert Evaluation.of(seen, undecided, others, np.zeros(0, np.int64), 0.01, decided=False).threshold < 0.91


def _checked(text: str) -> _Page:
    """A page that runs nothing, asks nobody, and can be read aloud."""
    result = _Page(text)
    assert not {"script", "iframe", "style", "object", "b"} & {tag for tag, _ in result.tags}
    for tag, attributes in result.tags:
        assert not any(name.startswith("on") or name == "style" for name in attributes), (tag, attributes)
        for name in ("href", "src"):
            assert "//" not in (attributes.get(name) or ""), attributes
        assert tag != "img" or attributes["alt"]
        assert tag != "th" or attributes["scope"] in ("row", "col")
    headings = [int(tag[1]) for tag, _ in result.tags if tag in ("h1", "h2", "h3")]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(headings))
    ids = [attributes["id"] for _, attributes in result.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    csp = next(a["content"] for tag, a in result.tags if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    assert csp is not None
    assert "default-src 'none'" in csp
    assert "unsafe" not in csp
    return result


def test_names_are_shown_as_they_are_and_never_run(tmp_path: Path) -> None:
    summary = _summary()
    html.write(tmp_path, summary)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    _checked(text)
    # The number that the page lives by leads.
    calibration = summary.evaluation.calibration
    tempered = summary.evaluation.decision_in_page.temperature != 1
    used = calibration.ece_after if tempered else calibration.ece_before
    assert f"<dt>Calibration error</dt><dd>{used:.1%}<" in text
    assert "&lt;b&gt;&#34;ü" in text
    assert "<b>" not in text
    assert "95% confidence interval" in text
    assert "Few pictures" in text
    # A handful of answers is no chart.
    assert "predictions are too few for calibration charts" in text
    assert "When to say" not in text
    assert "Not measured: the response to out-of-distribution pictures" in text
    for tag, attributes in _Page(text).tags:
        if tag == "link" and attributes["rel"] == "stylesheet" and attributes["href"] != "style.css":
            assert (tmp_path / str(attributes["href"])).is_file()


def test_few_pictures_are_told_of_by_cross_validation(tmp_path: Path) -> None:
    html.write(tmp_path, _summary(crossed=CrossValidated(12, 5, 0.75, (0.47, 0.91))))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    _checked(text)
    assert "By cross-validation: 75.0%" in text
    assert "between 47.0% and 91.0%" in text


def test_a_random_split_is_told_of_beside_the_split_by_groups(tmp_path: Path) -> None:
    apart = CrossValidated(1200, 5, 0.8, (0.78, 0.82))
    for value, summary in (
        (0.934, "would have overstated the accuracy by 13.4 points"),
        (0.81, "would not have made a clear difference"),
    ):
        html.write(tmp_path, _summary(by_split=BySplit(apart, replace(apart, value=value))))
        text = (tmp_path / "report.html").read_text(encoding="utf-8")
        _checked(text)
        assert f"Groups kept apart: 80.0%; random split: {value:.1%}" in text
        assert "Both by 5-fold cross-validation on the same 1,200 pictures" in text
        assert summary in text


class _Embeddings(Predictor):
    """Answers that take a square in small for its embedding."""

    def embeddings(self, inputs: pixels.Pixels) -> NDArray[np.float32]:
        return np.float32(inputs[:, 2::4, 2::4].reshape(len(inputs), -1))


def test_pictures_of_one_group_on_both_sides_make_it_look_better_and_that_is_measured(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    for person in range(12):  # each picture of a person tells what the person's others show, and nothing of the next person's
        for label in ("left", "right"):
            (tmp_path / "photos" / label).mkdir(parents=True, exist_ok=True)
            pattern = rng.integers(20, 230, (8, 8, 3))
            for number in range(4):
                model_input = (pattern + rng.integers(-20, 21, (8, 8, 3))).astype(np.uint8).repeat(4, 0).repeat(4, 1)
                Image.fromarray(model_input).save(tmp_path / "photos" / label / f"person{person:02d}_{number}.png")
    summary = {}
    for expression in (r"person\d+", None):
        dataset = scan(tmp_path / "photos", Scanning(group_by=expression), tmp_path / f"scan{len(summary)}")
        splits = {
            side: (
                model_inputs_of(dataset, dataset.on(side), Input(32), tmp_path / side),
                np.array([p.label for p in dataset.on(side)]),
            )
            for side in SIDES
        }
        answers = _Embeddings(None, ALONE)
        summary[expression] = cross_validated(answers, answers.embeddings(splits["train"][0]), splits, dataset, 0)
    _, by_split = summary[r"person\d+"]
    assert by_split.group.n == by_split.random.n == 96
    assert by_split.group.value < 0.7 < 0.95 < by_split.random.value
    assert by_split.random.interval95[0] < by_split.random.value <= by_split.random.interval95[1]
    assert summary[None] == (None, None)


def test_the_report_is_the_same_twice(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        html.write(tmp_path / name, _summary())
    assert (tmp_path / "a" / "report.html").read_bytes() == (tmp_path / "b" / "report.html").read_bytes()


def test_pictures_of_other_things_are_told_of_where_there_are_some(tmp_path: Path) -> None:
    summary = _summary(unknown=np.array([[0.6, 0.4], [0.5, 0.5]]))
    assert summary.evaluation.unknown.n == 2
    html.write(tmp_path, summary)
    assert "AUROC" in (tmp_path / "report.html").read_text(encoding="utf-8")


# The whole way


def _web(folder: Path, labels: tuple[str, ...]) -> WebModel:
    """A web model that answers by the mean color of the picture: red, green or blue."""
    from google.protobuf.json_format import MessageToDict

    from pagesight.graph.model import GraphModel
    from pagesight.graph.tensorflow import tensorflow

    tf = tensorflow()
    weights = {
        "axes": np.array([1, 2], np.int32),
        "kernel": np.float32(np.eye(3)[:, : len(labels)] * 0.15),
        "bias": np.zeros(len(labels), np.float32),
    }
    with tf.Graph().as_default() as graph:
        image = tf.compat.v1.placeholder(tf.float32, [None, 48, 48, 3], "image")
        features = tf.identity(tf.nn.avg_pool2d(image, 12, 12, "VALID"), "features")
        axes, kernel, bias = (tf.constant(value, name=name) for name, value in weights.items())
        embedding = tf.raw_ops.Mean(input=features, axis=axes, name="embedding")
        logits = tf.nn.bias_add(tf.linalg.matmul(embedding, kernel), bias)
        tf.nn.softmax(logits, name="probabilities")
    outputs = {name: {"name": f"{name}:0"} for name in ("probabilities", "embedding", "features")}
    signature = {"inputs": {"image": {"name": "image:0"}}, "outputs": outputs}
    document = {"modelTopology": MessageToDict(graph.as_graph_def()), "signature": signature}
    contract = Contract("shapes", "Shapes", labels, Input(48), Outputs("probabilities", "embedding", "features"))
    with manifest.atomic_output_dir(folder, "quantize", {}) as temporary:
        GraphModel(document, weights).write(temporary / "model", {})
        contract.write(temporary)
    return WebModel(folder)


@pytest.mark.slow
def test_a_report_is_written_whole_and_the_same_twice(photos: PhotoFolder, tmp_path: Path) -> None:
    folder = photos("disc", "square", "triangle", per_class=12)
    wrong = folder / "disc" / "wrong.jpg"
    draw(1, np.random.default_rng(9)).save(wrong, quality=92)
    write_grays(tmp_path / "grays", 6)
    dataset = scan(folder, Scanning(unknown=str(tmp_path / "grays")), tmp_path / "scan")
    web = _web(tmp_path / "web", dataset.labels)
    summary = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        summary.append(write_report(web, Origin(dataset), tmp_path / name))
    assert summary[0] == summary[1]
    assert manifest.list_files(tmp_path / "a") == manifest.list_files(tmp_path / "b")
    evaluation = json.loads(json.dumps(records.to_json(summary[0]), allow_nan=False))
    assert evaluation["accuracy"]["test"]["n"] == len(dataset.on("test"))
    assert evaluation["accuracy"]["test"]["value"] > 0.9
    assert evaluation["unknown"]["n"] == 2
    assert evaluation["unknown"]["auroc"] > 0.9
    suspects = next(f for f in evaluation["findings"] if f["kind"] == "mislabel_suspects")
    assert suspects["pictures"] == ["disc/wrong.jpg"]
    text = (tmp_path / "a" / "report.html").read_text(encoding="utf-8")
    for tag, attributes in _checked(text).tags:
        if tag == "img":
            assert (tmp_path / "a" / str(attributes["src"])).is_file()


@pytest.mark.slow
def test_the_heat_map_finds_the_head_of_a_web_model(tmp_path: Path) -> None:
    from pagesight.graph.model import GraphModel

    web = _web(tmp_path / "web", ("a", "b", "c"))
    model = GraphModel.read(web.path / web.contract.model_path)
    kernel = class_activation.head_kernel(model, "probabilities", 3)
    assert kernel is not None
    assert np.allclose(kernel, np.eye(3) * 0.15)
    assert class_activation.head_kernel(model, "features", 3) is None


def test_a_model_without_pictures_has_no_report(tmp_path: Path) -> None:
    assert write_report(WebModel(tmp_path / "nowhere"), Origin(), tmp_path) is None
    assert list(tmp_path.iterdir()) == []
