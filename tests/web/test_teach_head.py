"""The trainer of Teach by itself: what it learns of vectors, beside scikit-learn."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

RANDOM = np.random.default_rng(7)
TRAIN = """async ({ vectors, targets, classes }) => {
  const worker = new Worker("teach_worker.js", { type: "module" });
  const heard = [];
  const trained = await new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => {
      if ("progress" in data) heard.push(data.progress);
      else if ("error" in data) reject(data.error);
      else resolve(data.value);
    };
    const examples = { vectors: new Float32Array(vectors), targets: new Uint16Array(targets), classes };
    worker.postMessage({ method: "train", examples });
  });
  const { kernel, bias, heldOut, loss } = trained;
  return { kernel: [...kernel], bias: [...bias], heldOut, loss, heard };
}"""


@pytest.fixture
def trainer(context: Any, serve: Callable[[Path], Any], make_bundle: Callable[..., Path]) -> Page:
    bundle = make_bundle()
    (bundle / "blank.html").write_text('<!doctype html><link rel="icon" href="data:,"><title>app</title>', encoding="utf-8")
    page: Page = context.new_page()
    page.goto(f"{serve(bundle).url}blank.html")
    return page


def _blobs(each: int, classes: int, width: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    centers = np.random.default_rng(1).normal(size=(classes, width))
    targets = np.repeat(np.arange(classes), each)
    vectors = centers[targets] + RANDOM.normal(size=(len(targets), width)) * noise
    return np.maximum(vectors, 0).astype(np.float32), targets


@pytest.mark.parametrize("width", [128, 512], ids=["more pictures than channels", "more channels than pictures"])
def test_the_head_is_scikit_learns_logistic_regression(trainer: Page, width: int) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    vectors, targets = _blobs(20, 10, width, 3.0)
    vectors[:, 5] = 0.25  # a channel that never fires must not divide by nought
    asked, truth = _blobs(200, 10, width, 3.0)
    asked[:, 5] = 0.25
    result = trainer.evaluate(TRAIN, {"vectors": vectors.ravel().tolist(), "targets": targets.tolist(), "classes": 10})
    ours = asked @ np.array(result["kernel"]).reshape(width, 10) + np.array(result["bias"])
    scaler = StandardScaler().fit(vectors)
    scaler.scale_ = np.maximum(np.sqrt(scaler.var_), 0.1 * np.sqrt(scaler.var_.mean()))
    theirs = LogisticRegression(max_iter=1000).fit(scaler.transform(vectors), targets)
    reference = theirs.predict_proba(scaler.transform(asked))
    powers = np.exp(ours - ours.max(1, keepdims=True))
    # Both stop at a slope of 1e-4; the minimum is one and the same.
    np.testing.assert_allclose(powers / powers.sum(1, keepdims=True), reference, atol=0.02)
    assert abs((ours.argmax(1) == truth).mean() - (reference.argmax(1) == truth).mean()) <= 0.005
    assert result["heldOut"]["asked"] == 200
    assert result["loss"] < np.log(10)
    assert result["heard"] == sorted(result["heard"])
    assert result["heard"][-1] <= 1


def test_pictures_that_are_nearly_the_same_teach_what_holds_for_others(trainer: Page) -> None:
    """As when a hand is held still: a channel that only trembles among them must not outvote those that tell classes apart."""
    targets = np.repeat([0, 1], 4)
    vectors = np.where(np.arange(16) < 8, targets[:, None], 1 - targets[:, None]).astype(np.float32)
    vectors[:, 3] = targets * 1e-5
    asked = vectors.copy()
    asked[:, 3] = 0.5 * (1 - targets)
    result = trainer.evaluate(TRAIN, {"vectors": vectors.ravel().tolist(), "targets": targets.tolist(), "classes": 2})
    logits = asked @ np.array(result["kernel"]).reshape(16, 2) + np.array(result["bias"])
    assert (logits.argmax(1) == targets).all()


def test_ten_classes_of_twenty_train_in_a_few_dozen_steps(trainer: Page) -> None:
    """What a step costs is the trainer's width, at most the number of pictures; seconds are the benchmark's to measure."""
    vectors, targets = _blobs(20, 10, 512, 3.0)
    job = {"vectors": vectors.ravel().tolist(), "targets": targets.tolist(), "classes": 10}
    # Twice: on what is not kept aside, and on everything.
    assert len(trainer.evaluate(TRAIN, job)["heard"]) <= 2 * 40
