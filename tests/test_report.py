"""Promises about the report: its numbers are right, its findings are true, and the page is safe, whole and the same every time."""

import html.parser
import io
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from pagesight import _decision, _fit, manifest, pixels
from pagesight._cross_validation import cross_validated
from pagesight._distribution import ALONE
from pagesight._report import findings, heat, measures, page, plots, twins, write_report
from pagesight._report.judged import Judged
from pagesight._report.looks import Looks, Seen, appearance
from pagesight._squares import squares_of
from pagesight.artifacts import SIDES, Origin, Picture, WebModel
from pagesight.contract import Contract, Decision, Input, Outputs
from pagesight.options import Scanning
from pagesight.scan import scan

from .conftest import PhotoFolder, draw, write_greys

# Numbers


def test_the_calibration_error_is_what_a_hand_computes() -> None:
    # Two answers of 0.9, one right: a gap of 0.4 for half of all. Two of 0.6, both right: a gap of 0.4 for the other half.
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.4, 0.6]])
    found = measures.reliability(probabilities, np.array([0, 1, 0, 1]))
    assert found.ece == pytest.approx(0.4)
    assert found.counts.sum() == 4
    assert found.counts[[8, 13]].tolist() == [2, 2]  # (8/15, 9/15] and (13/15, 14/15]
    assert found.accuracy[[8, 13]].tolist() == [1, 0.5]


def test_answers_that_are_always_sure_and_right_have_no_calibration_error() -> None:
    assert measures.reliability(np.eye(4), np.arange(4)).ece == 0


def _overconfident(n: int, factor: float, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probabilities whose logits are `factor` times too large for their labels."""
    rng = np.random.default_rng(seed)
    honest = _decision.scaled(rng.dirichlet(np.ones(5), n), 0.7)
    labels = (honest.cumsum(1) < rng.random((n, 1))).sum(1)
    return _decision.scaled(honest, 1 / factor), labels


def test_temperature_scaling_calms_a_model_that_is_too_sure() -> None:
    held, held_labels = _overconfident(10_000, 3, 0)
    fresh, labels = _overconfident(10_000, 3, 1)
    temperature = _decision.fitted_temperature(held, held_labels)
    assert temperature == pytest.approx(3, rel=0.1)
    before = measures.reliability(fresh, labels).ece
    after = measures.reliability(_decision.scaled(fresh, temperature), labels).ece
    assert after < 0.02 < before / 4  # 15 bins of 10,000 answers are off by about 0.01 by chance
    assert (_decision.scaled(fresh, temperature).argmax(1) == fresh.argmax(1)).all()


def test_scaling_probabilities_is_scaling_logits() -> None:
    logits = np.random.default_rng(0).normal(size=(6, 4)) * 3

    def softmax(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.exp(x) / np.exp(x).sum(1, keepdims=True)

    assert np.allclose(_decision.scaled(softmax(logits), 2.5), softmax(logits / 2.5))


def test_few_faultless_answers_do_not_make_the_model_sure_of_everything() -> None:
    probabilities = np.full((6, 3), 0.1) + 0.7 * np.eye(3)[[0, 1, 2, 0, 1, 2]]
    assert 0.2 < _decision.fitted_temperature(probabilities, np.array([0, 1, 2, 0, 1, 2])) < 2
    assert _decision.fitted_temperature(np.zeros((0, 3)), np.zeros(0, np.int64)) == 1


def test_the_threshold_accepts_the_stated_share_of_right_answers() -> None:
    probabilities, labels = _overconfident(1000, 1, 2)
    for share in (1.0, 0.95, 0.5):
        threshold = _decision.threshold_for(probabilities, labels, share)
        taken = measures.accepted(probabilities, labels, threshold)
        assert share <= taken["right"] < share + 0.02
        assert taken["wrong"] <= taken["right"]
    assert _decision.threshold_for(np.zeros((0, 3)), np.zeros(0, np.int64), 0.95) == 0.5


def test_the_decision_lets_in_no_more_strangers_than_stated_and_few_right_answers_go() -> None:
    known, labels = _overconfident(2000, 3, 3)
    sure = np.full((100, 5), 0.02) + 0.9 * np.eye(5)[np.zeros(100, int)]
    for share, others in ((0.01, sure), (0.1, sure), (0.01, np.full((100, 5), 0.2))):
        found = _decision.decide(known, labels, others, share)
        assert found.temperature == pytest.approx(3, rel=0.15)
        assert (_decision.scaled(others, found.temperature).max(1) >= found.threshold).mean() <= share
    assert measures.accepted(_decision.scaled(known, found.temperature), labels, found.threshold)["right"] >= 0.98
    nothing = np.zeros((0, 5), np.float32)
    assert _decision.decide(nothing, np.zeros(0, np.int64), nothing, 0.01) == Decision(1.0, 0.5)


def test_strangers_are_told_apart_and_counted() -> None:
    known = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.55, 0.45]])
    unknown = np.array([[0.6, 0.4], [0.5, 0.5]])
    found = measures.strangers(known, unknown, threshold=0.6, false_accepts=0.5)
    assert found["auroc"] == pytest.approx(7 / 8)  # of eight pairs one is the wrong way round: 0.55 and 0.6
    assert found["false_accepts"] == 0.5
    assert found["at"]["accepted"] == 1  # above 0.5, where one of two strangers is let in
    strict = measures.strangers(known, unknown, threshold=0.6, false_accepts=0.01)["at"]
    assert (unknown.max(1) >= strict["threshold"]).sum() == 0
    assert strict["accepted"] == 0.75


def test_scores_by_class_are_scikit_learns() -> None:
    labels, said = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 1, 0])
    found = measures.per_class(labels, said, ("a", "b", "c"))
    assert [row["recall"] for row in found["classes"]] == [0.5, 1, 0]
    assert [row["precision"] for row in found["classes"]] == pytest.approx([0.5, 2 / 3, 0])
    assert found["macro"]["f1"] == pytest.approx((0.5 + 0.8 + 0) / 3)
    assert measures.confusion(labels, said, 3).tolist() == [[1, 1, 0], [0, 2, 0], [1, 0, 0]]


# Findings


def _scene(rng: np.random.Generator, side: int = 96) -> NDArray[np.uint8]:
    """A picture of soft blobs and edges, unlike any other."""
    small = Image.fromarray(rng.integers(0, 256, (7, 7, 3)).astype(np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
    grain = rng.integers(-12, 13, (side, side, 1))
    return np.clip(np.asarray(small).astype(np.int64) + grain, 0, 255).astype(np.uint8)


def _resaved(square: NDArray[np.uint8], quality: int = 50) -> NDArray[np.uint8]:
    out = io.BytesIO()
    Image.fromarray(square).resize((80, 80)).save(out, "JPEG", quality=quality)
    return np.asarray(Image.open(out).resize(square.shape[:2]))


def _seen(squares: list[NDArray[np.uint8]], **more: Any) -> Seen:
    n = len(squares)
    labels = np.array(more.get("labels", [0] * n))
    sides = more.get("sides", ["train"] * n)
    paths = more.get("paths", [f"{label}/{i:04d}.jpg" for i, label in enumerate(labels)])
    pictures = tuple(Picture(p, int(label), p, side, p) for p, label, side in zip(paths, labels, sides, strict=True))
    looks = Looks.of([(*appearance(square), 96) for square in squares])
    held_out = np.flatnonzero(np.array(sides) != "train")
    said, sure, own = more.get("said", labels), more.get("sure", np.ones(n)), more.get("own", np.ones(n))
    probabilities = np.eye(2, dtype=np.float32)[labels[held_out]]
    return Seen(pictures, labels, np.array(said), np.float32(sure), np.float32(own), looks, held_out, probabilities)


def _found(seen: Seen, *, grouped: bool = False, side: int = 96) -> dict[str, findings.Finding]:
    pairs = twins.near_duplicates(seen.looks)
    return {f.kind: f for f in findings.find(seen, pairs, ("yes", "no"), side, grouped=grouped)}


def test_planted_near_duplicates_are_found_and_unrelated_pictures_are_not() -> None:
    rng = np.random.default_rng(0)
    squares = [_scene(rng) for _ in range(400)]
    planted = [(3, 400), (77, 401), (200, 402), (201, 403)]
    squares += [_resaved(squares[a]) for a, _ in planted]
    assert twins.near_duplicates(_seen(squares).looks).tolist() == [list(pair) for pair in planted]


def test_thousands_of_equal_flat_pictures_take_no_longer_than_others() -> None:
    n = 3_000
    looks = Looks(np.zeros(n, np.uint64), np.zeros((n, 16, 16), np.uint8), *(np.ones(n, np.float32),) * 2, np.ones(n, np.int64))
    pairs = twins.near_duplicates(looks)
    assert len(pairs) < 70 * n
    assert twins.families(pairs) == [list(range(n))]


def test_a_test_picture_that_was_seen_in_training_inflates_the_score() -> None:
    rng = np.random.default_rng(1)
    squares = [_scene(rng) for _ in range(6)]
    squares.append(_resaved(squares[0]))
    seen = _seen(squares, sides=["train"] * 5 + ["test", "test"])
    finding = _found(seen)["near_duplicates_across_sides"]
    assert finding.severity == "serious"
    assert "1 of 2 test pictures" in finding.what
    assert "likely inflated" in finding.what
    assert "--group-by" in finding.fix
    assert set(finding.rows) == {0, 6}
    assert findings.leaked(seen, twins.near_duplicates(seen.looks)).tolist() == [6]


def test_the_same_picture_in_two_classes_is_reported() -> None:
    rng = np.random.default_rng(2)
    squares = [_scene(rng) for _ in range(4)]
    finding = _found(_seen([*squares, _resaved(squares[1])], labels=[0, 0, 0, 1, 1]))["same_picture_in_two_classes"]
    assert "the first in no and yes" in finding.what
    assert set(finding.rows) == {1, 4}


def test_a_burst_that_the_split_tore_apart_is_reported_with_an_expression_that_mends_it() -> None:
    rng = np.random.default_rng(3)
    squares, paths, sides = [], [], []
    for scene in range(12):
        first = _scene(rng)
        for frame in range(4):
            jitter = rng.integers(-25, 26, first.shape) + 2 * frame
            squares.append(np.clip(first + jitter, 0, 255).astype(np.uint8))
            paths.append(f"yes/clip{scene:02d}_{frame:03d}.jpg")
            sides.append("test" if frame == 3 else "train")
    finding = _found(_seen(squares, paths=paths, sides=sides))["bursts"]
    assert "12 bursts of 48 pictures" in finding.what
    assert r"--group-by '[^/]+(?=[-_. ]\d+\.\w+$)'" in finding.fix


def test_pictures_that_are_dark_blurred_or_tiny_are_found() -> None:
    rng = np.random.default_rng(4)
    squares = [_scene(rng) for _ in range(6)]
    squares[1] = (squares[1] * 0.08).astype(np.uint8)
    squares[4] = np.asarray(Image.fromarray(squares[4]).filter(ImageFilter.GaussianBlur(4)))
    found = _found(_seen(squares), side=128)
    assert found["too_dark"].rows == (1,)
    assert found["too_blurred"].rows == (4,)
    assert len(found["tiny"].rows) == 6
    assert "tiny" not in _found(_seen(squares), side=96)


def test_a_confident_mistake_is_a_suspect_and_an_unsure_one_is_not() -> None:
    rng = np.random.default_rng(5)
    squares = [_scene(rng) for _ in range(4)]
    seen = _seen(squares, labels=[0, 0, 1, 1], said=[0, 1, 1, 0], sure=[0.97, 0.99, 0.96, 0.6], own=[0.97, 0.01, 0.96, 0.4])
    finding = _found(seen)["mislabel_suspects"]
    assert finding.rows == (1,)
    assert "0/0001.jpg" in finding.what


def test_unequal_and_small_classes_are_reported() -> None:
    rng = np.random.default_rng(6)
    found = _found(_seen([_scene(rng) for _ in range(40)], labels=[0] * 34 + [1] * 6))
    assert "34 pictures, “no” only 6" in found["imbalance"].what
    assert "“no” has fewer than 20 pictures" in found["too_few"].what


# Figures


def test_figures_carry_no_inline_style_and_are_the_same_twice() -> None:
    history = [{"loss": 2.0, "validation_loss": 1.0, "validation_accuracy": 0.5}] * 3
    first, second = plots.learning_curves(history), plots.learning_curves(history)
    assert first == second
    for plot in first:
        assert "style" not in plot.svg
        assert "#0000" not in plot.svg
        assert "currentColor" in plot.svg or "stroke-accent" in plot.svg


def test_an_epoch_without_validation_pictures_is_drawn_all_the_same() -> None:
    [loss] = plots.learning_curves([{"loss": 1.0, "validation_loss": float("inf"), "validation_accuracy": float("nan")}])
    assert loss.svg.startswith("<svg")
    assert "nan" not in loss.alt


def test_the_heat_map_is_hottest_where_the_class_was_seen() -> None:
    features = np.zeros((4, 4, 2), np.float32)
    features[1, 2, 0], features[3, 3, 1] = 2, 5
    found = heat.activation(features, np.float32([[1, 0], [0, 1]]), 0)
    assert np.unravel_index(found.argmax(), found.shape) == (1, 2)
    assert found[3, 3] == 0
    assert heat.overlaid(np.full((32, 32, 3), 90, np.uint8), found).size == (32, 32)


# The page


class _Page(html.parser.HTMLParser):
    """Tags and attributes; fails on nothing, as browsers do."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


_EVIL = '<b>"ü'


def _told(**more: Any) -> page.Told:
    """What the page tells of twelve pictures of two classes, one with a wild name, a third of them mistaken."""
    rng = np.random.default_rng(7)
    labels = np.array([0, 1] * 6)
    said = np.where(np.arange(12) % 3 == 0, 1 - labels, labels)
    sides = ["train", "validation", "test", "test"] * 3
    paths = [f"{_EVIL}/{_EVIL}{i}.jpg" for i in range(12)]
    seen = _seen(
        [_scene(rng) for _ in labels],
        labels=labels,
        said=said,
        sure=np.full(12, 0.95),
        own=np.full(12, 0.04),
        sides=sides,
        paths=paths,
    )
    contract = Contract(_EVIL, _EVIL, (_EVIL, "</script>"), Input(96), Outputs("p"), description=_EVIL)
    judged = Judged.of(seen, contract, more.get("unknown"), np.zeros(0, np.int64), 0.01)
    found = findings.find(seen, twins.near_duplicates(seen.looks), contract.labels, 96, grouped=False)
    mistake = {"picture": paths[0], "meant": _EVIL, "said": "</script>", "probability": 0.95, "probability_of_meant": 0.04}
    evaluation = judged.to_json() | {"findings": [f.to_json(seen) for f in found]}
    evaluation["accuracy"] |= {"cross_validated": more.get("crossed"), "by_split": more.get("by_split")}
    evaluation |= {"mistakes": [mistake | {"file": "report/a.jpg", "heat_map": None}]}
    return page.Told(contract, Origin(), seen, judged, evaluation, [[{"file": "report/b.jpg", "path": paths[0]}] for _ in found])


def _checked(text: str) -> _Page:
    """A page that runs nothing, asks nobody, and can be read aloud."""
    found = _Page(text)
    assert not {"script", "iframe", "style", "object", "b"} & {tag for tag, _ in found.tags}
    for tag, attributes in found.tags:
        assert not any(name.startswith("on") or name == "style" for name in attributes), (tag, attributes)
        for name in ("href", "src"):
            assert "//" not in (attributes.get(name) or ""), attributes
        assert tag != "img" or attributes["alt"]
        assert tag != "th" or attributes["scope"] in ("row", "col")
    headings = [int(tag[1]) for tag, _ in found.tags if tag in ("h1", "h2", "h3")]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(headings))
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    csp = next(a["content"] for tag, a in found.tags if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    assert csp is not None
    assert "default-src 'none'" in csp
    assert "unsafe" not in csp
    return found


def test_names_are_shown_as_they_are_and_never_run(tmp_path: Path) -> None:
    page.write(tmp_path, _told())
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    _checked(text)
    assert "&lt;b&gt;&#34;ü" in text
    assert "<b>" not in text
    assert "95% interval" in text
    assert "Few pictures" in text
    assert "Not measured: how it answers pictures of other things" in text
    assert (tmp_path / "report.css").is_file()


def test_few_pictures_are_told_of_by_cross_validation(tmp_path: Path) -> None:
    page.write(tmp_path, _told(crossed={"n": 12, "folds": 5, "value": 0.75, "interval95": [0.47, 0.91]}))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    _checked(text)
    assert "By cross-validation: 75.0%" in text
    assert "between 47.0% and 91.0%" in text


def test_a_random_split_is_told_of_beside_the_split_by_groups(tmp_path: Path) -> None:
    apart = {"n": 1200, "folds": 5, "value": 0.8, "interval95": [0.78, 0.82]}
    for value, told in ((0.934, "would have made it look 13.4 points better"), (0.81, "would not have looked clearly better")):
        page.write(tmp_path, _told(by_split={"group": apart, "random": apart | {"value": value}}))
        text = (tmp_path / "report.html").read_text(encoding="utf-8")
        _checked(text)
        assert f"Whole groups apart: 80.0%; pictures at random: {value:.1%}" in text
        assert "on the same 1,200 pictures in 5 rounds" in text
        assert told in text


class _Embeddings(_fit.Answers):
    """Answers that take a square in small for its embedding."""

    def embeddings(self, squares: pixels.Pixels) -> NDArray[np.float32]:
        return np.float32(squares[:, 2::4, 2::4].reshape(len(squares), -1))


def test_pictures_of_one_group_on_both_sides_make_it_look_better_and_that_is_measured(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    for person in range(12):  # each picture of a person tells what the person's others show, and nothing of the next person's
        for label in ("left", "right"):
            (tmp_path / "photos" / label).mkdir(parents=True, exist_ok=True)
            pattern = rng.integers(20, 230, (8, 8, 3))
            for number in range(4):
                square = (pattern + rng.integers(-20, 21, (8, 8, 3))).astype(np.uint8).repeat(4, 0).repeat(4, 1)
                Image.fromarray(square).save(tmp_path / "photos" / label / f"person{person:02d}_{number}.png")
    told = {}
    for expression in (r"person\d+", None):
        dataset = scan(tmp_path / "photos", Scanning(group_by=expression), tmp_path / f"scan{len(told)}")
        sides = {
            side: (squares_of(dataset, dataset.on(side), Input(32), tmp_path / side), np.array([p.label for p in dataset.on(side)]))
            for side in SIDES
        }
        told[expression] = cross_validated(_Embeddings(None, ALONE), sides, dataset, 0)
    by_split = told[r"person\d+"]["by_split"]
    assert {how["n"] for how in by_split.values()} == {96}
    assert by_split["group"]["value"] < 0.7 < 0.95 < by_split["random"]["value"]
    assert by_split["random"]["interval95"][0] < by_split["random"]["value"] <= by_split["random"]["interval95"][1]
    assert told[None] == {"cross_validated": None, "by_split": None}


def test_the_report_is_the_same_twice(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        page.write(tmp_path / name, _told())
    assert (tmp_path / "a" / "report.html").read_bytes() == (tmp_path / "b" / "report.html").read_bytes()


def test_pictures_of_other_things_are_told_of_where_there_are_some(tmp_path: Path) -> None:
    told = _told(unknown=np.array([[0.6, 0.4], [0.5, 0.5]]))
    assert told.evaluation["unknown"]["n"] == 2
    page.write(tmp_path, told)
    assert "AUROC" in (tmp_path / "report.html").read_text(encoding="utf-8")


# The whole way


def _web(folder: Path, labels: tuple[str, ...]) -> WebModel:
    """A web model that answers by the mean colour of the picture: red, green or blue."""
    from google.protobuf.json_format import MessageToDict

    from pagesight._graph import GraphModel
    from pagesight._tf import tensorflow

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
    with manifest.whole_folder(folder, "quantize", {}) as temporary:
        GraphModel(document, weights).write(temporary / "model", {})
        contract.write(temporary)
    return WebModel(folder)


@pytest.mark.slow
def test_a_report_is_written_whole_and_the_same_twice(photos: PhotoFolder, tmp_path: Path) -> None:
    folder = photos("disc", "square", "triangle", per_class=12)
    wrong = folder / "disc" / "wrong.jpg"
    draw(1, np.random.default_rng(9)).save(wrong, quality=92)
    write_greys(tmp_path / "greys", 6)
    dataset = scan(folder, Scanning(unknown=str(tmp_path / "greys")), tmp_path / "scan")
    web = _web(tmp_path / "web", dataset.labels)
    told = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        told.append(write_report(web, Origin(dataset), tmp_path / name))
    assert told[0] == told[1]
    assert manifest.list_files(tmp_path / "a") == manifest.list_files(tmp_path / "b")
    evaluation = json.loads(json.dumps(told[0], allow_nan=False))
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
    from pagesight._graph import GraphModel

    web = _web(tmp_path / "web", ("a", "b", "c"))
    model = GraphModel.read(web.path / web.contract.model_path)
    kernel = heat.head_kernel(model, "probabilities", 3)
    assert kernel is not None
    assert np.allclose(kernel, np.eye(3) * 0.15)
    assert heat.head_kernel(model, "features", 3) is None


def test_a_model_without_pictures_has_no_report(tmp_path: Path) -> None:
    assert write_report(WebModel(tmp_path / "nowhere"), Origin(), tmp_path) == {}
    assert list(tmp_path.iterdir()) == []
