"""Teaching as the page does it, in Chromium: accuracy on people it never saw, against scikit-learn, and seconds.

    python benchmarks/teaching.py BUNDLE PHOTOS [--dataset SCAN] [--each 10] [--group 'signer\\d+'] [--draws 5]
    python benchmarks/teaching.py --imagenet WEIGHTS PHOTOS --each 20

BUNDLE is a page whose model describes the pictures; with --imagenet one is made around the Keras Applications file WEIGHTS
(MobileNet alpha 0.5 @160, no top), so that the backbone knows nothing but ImageNet. PHOTOS is a folder of class folders.
Each draw teaches all classes anew with --each pictures of each, from people drawn by chance, and asks all pictures of everybody
else; with --dataset only people of its test side take part, whom the model was never trained on.
"""

import argparse
import json
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pagesight.artifacts import Dataset
from pagesight.browser import discovery, tabs
from pagesight.serve import serving

DESCRIBE = """async (addresses) => {
  const { load } = await import("./pagesight.js");
  const classifier = await load();
  const rows = [];
  for (const address of addresses) {
    const { vector } = await classifier.extractFeatures(await (await fetch(address)).blob());
    rows.push([...vector]);
  }
  classifier.dispose();
  return rows;
}"""
TRAIN = """async ({ vectors, targets, classes }) => {
  const worker = new Worker("teach_worker.js", { type: "module" });
  const started = performance.now();
  const trained = await new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => {
      if ("value" in data) resolve(data.value);
      else if ("error" in data) reject(new Error(data.error));
    };
    const examples = { vectors: new Float32Array(vectors), targets: new Uint16Array(targets), classes };
    worker.postMessage({ method: "train", examples });
  });
  worker.terminate();
  return { kernel: [...trained.kernel], bias: [...trained.bias], milliseconds: performance.now() - started };
}"""


def pictures(photos: Path, group: str, dataset: Path | None) -> list[tuple[Path, int, str]]:
    """Path, class and person of every picture that takes part."""
    unseen = {p.path for p in Dataset.open(dataset).on("test")} if dataset else None
    result = []
    for label, folder in enumerate(sorted(p for p in photos.iterdir() if p.is_dir())):
        for path in sorted(folder.iterdir()):
            if unseen is None or path.relative_to(photos).as_posix() in unseen:
                match = re.search(group, path.name)
                result.append((path, label, match[0] if match else path.name))
    return result


def draw(rows: list[tuple[Path, int, str]], each: int, random: np.random.Generator) -> tuple[list[int], list[int]]:
    """Numbers of the pictures to teach with, `each` of a class, and of those to ask: nobody is on both sides."""
    classes = sorted({label for _, label, _ in rows})
    taught: list[int] = []
    teachers: set[str] = set()
    for person in random.permutation(sorted({person for _, _, person in rows})):
        counts = {label: sum(rows[i][1] == label for i in taught) for label in classes}
        if min(counts.values()) >= each:
            break
        mine = [i for i, (_, label, of) in enumerate(rows) if of == person and counts[label] < each]
        taught += [next(i for i in mine if rows[i][1] == label) for label in sorted({rows[i][1] for i in mine})]
        teachers.add(str(person))
    return taught, [i for i, (_, _, person) in enumerate(rows) if person not in teachers]


def compare(page: Any, rows: list[tuple[Path, int, str]], vectors: np.ndarray, asked: argparse.Namespace) -> dict[str, float]:
    """Means over the draws: the page's head, scikit-learn's on the same vectors, and the page's milliseconds."""
    targets = np.array([label for _, label, _ in rows])
    classes = int(targets.max()) + 1
    ours, theirs, milliseconds = [], [], []
    for seed in range(asked.draws):
        taught, others = draw(rows, asked.each, np.random.default_rng(seed))
        job = {"vectors": vectors[taught].ravel().tolist(), "targets": targets[taught].tolist(), "classes": classes}
        head = page.evaluate(TRAIN, job)
        logits = vectors[others] @ np.array(head["kernel"]).reshape(-1, classes) + np.array(head["bias"])
        reference = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(vectors[taught], targets[taught])
        ours.append(float((logits.argmax(1) == targets[others]).mean()))
        theirs.append(float(reference.score(vectors[others], targets[others])))
        milliseconds.append(head["milliseconds"])
    return {
        "page": round(float(np.mean(ours)), 4),
        "page_worst_draw": round(min(ours), 4),
        "scikit_learn": round(float(np.mean(theirs)), 4),
        "asked": len(others),
        "milliseconds_median": round(float(np.median(milliseconds)), 1),
    }


def imagenet_page(weights: Path, into: Path) -> Path:
    """A page around MobileNet alpha 0.5 @160 as ImageNet left it; its own head knows nothing."""
    import tf_keras

    from pagesight.adopt import Adoption
    from pagesight.options import Quantization
    from pagesight.pipeline import convert

    base = tf_keras.applications.MobileNet((160, 160, 3), alpha=0.5, include_top=False, weights=None, pooling="avg")
    base.load_weights(weights)
    head = tf_keras.layers.Dense(10, activation="softmax", kernel_initializer="glorot_uniform")(base.output)
    tf_keras.Model(base.input, head).save(into / "model.h5")
    how = Adoption(labels=",".join(map(str, range(10))), input_range="-1..1", name="imagenet")
    return convert(into / "model.h5", into / "page", how, Quantization(mode="none")).path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path, nargs="?")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--imagenet", type=Path)
    parser.add_argument("--dataset", type=Path)
    parser.add_argument("--group", default=r"signer\d+")
    parser.add_argument("--each", type=int, default=10)
    parser.add_argument("--draws", type=int, default=5)
    asked = parser.parse_args()
    executable = discovery.find()
    if executable is None:
        parser.exit(1, f"error: there is no browser\n  fix: {discovery.HOW_TO_GET}\n")
    rows = pictures(asked.photos, asked.group, asked.dataset)
    extra = {f".photos/{i}": path.read_bytes() for i, (path, _, _) in enumerate(rows)}
    with tempfile.TemporaryDirectory() as scratch:
        bundle = imagenet_page(asked.imagenet, Path(scratch)) if asked.imagenet else asked.bundle
        with tabs.launched(executable) as browser, serving(bundle, extra=extra) as address:
            page = browser.new_page()
            page.goto(address)
            page.wait_for_selector("html[data-ready]")
            began = time.perf_counter()
            vectors = np.concatenate(
                [np.array(page.evaluate(DESCRIBE, sorted(extra, key=_number)[i : i + 100])) for i in range(0, len(rows), 100)]
            )
            describing = (time.perf_counter() - began) / len(rows)
            result = compare(page, rows, vectors.astype(np.float32), asked)
    print(json.dumps({**result, "each": asked.each, "draws": asked.draws, "milliseconds_to_describe": round(describing * 1000, 1)}))


def _number(path: str) -> int:
    return int(path.rsplit("/", 1)[1])


if __name__ == "__main__":
    main()
