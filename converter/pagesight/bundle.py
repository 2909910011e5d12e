"""A WebModel to a Bundle: a static folder that holds the page, the runtime, the model and what was measured."""

import gzip
import io
import json
import logging
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from pagesight import backbones, exporters, manifest, pixels, progress, records, resources
from pagesight.artifacts import ORIGINAL_ANSWERS, Bundle, Dataset, Origin, Picture, SavedModel, WebModel
from pagesight.browser.stock_tfjs import StockTfjs
from pagesight.bundle_files import Role, has, named
from pagesight.errors import BundleError
from pagesight.graph.model import GraphModel, Runner
from pagesight.json_values import JsonObject
from pagesight.metrics import wilson
from pagesight.options import STAGES, Bundling
from pagesight.page.npm import Package, write_package
from pagesight.page.render import describe, name_files, theme_key, write_page
from pagesight.page.single_file import write_single_file
from pagesight.records.adopted import Difference, OriginalComparison
from pagesight.records.report import Report, ReportedAccuracy, Sizes
from pagesight.report import report_sources, write_report

_log = logging.getLogger(__name__)

_SAMPLE_SIDE = 320
_BATCH = 16


def bundle(web: WebModel, options: Bundling, into: Path, origin: Origin = Origin()) -> Bundle:  # noqa: B008 - frozen
    """Put the page together around `web`; `origin` gives the gallery its samples and the card its facts.

    Raises BundleError when the page's code is not built, the theme does not fit, or the bundle is larger than
    `options.max_bytes`, and OptionError for an unusable theme or logo; nothing is written then.
    """
    template = resources.web_template()
    package = Package.parse(options.npm) if options.npm is not None else None
    key = {
        "options": {k: v for k, v in asdict(options).items() if k not in ("theme", "logo")},
        "looks": theme_key(options),
        "model": manifest.files_sha256(web.path),
        "training": manifest.sha256_file(origin.trained.path / "training.json") if origin.trained else None,
        "dataset": manifest.sha256_file(origin.dataset.path / "dataset.json") if origin.dataset else None,
        "search": manifest.sha256_file(origin.search.path / "search.json") if origin.search else None,
        "adopted": manifest.sha256_file(origin.adopted.path / "adopted.json") if origin.adopted else None,
        "template": manifest.sha256_json(manifest.list_files(template)),
        "report": manifest.sha256_json([manifest.sha256_file(p) for p in report_sources()]),
        "versions": manifest.versions("jinja2", "pillow", "matplotlib", "scikit-learn", "scipy", "tensorflow", "tensorflow-cpu"),
    }
    if manifest.is_fresh(into, "bundle", key):
        progress.stage("bundle", fresh=True)
        return Bundle(into)
    progress.stage("bundle")
    with manifest.atomic_output_dir(into, "bundle", key) as temporary, progress.task("putting the page together"):
        _copy_static(template / "static", temporary, web)
        shutil.copytree(web.path / "model", temporary / "model")
        chosen = list(_chosen(origin.dataset, options)) if origin.dataset else []
        samples = _write_samples(origin.dataset, chosen, temporary) if origin.dataset and chosen else []
        name_files(temporary, [p for p in manifest.list_files(temporary) if has(p, Role.MODEL)] + [s["path"] for s in samples[:1]])
        files = manifest.list_files(temporary)
        fetched = {p: f for p, f in files.items() if has(p, Role.PUBLISHED)}
        golden = {"golden": _golden(web, temporary, samples[0]["path"])} if samples else {}
        also = {"also": exporters.write_also(web, options.also, temporary, StockTfjs)} if options.also else {}
        web.contract.write(temporary, samples=samples, files=fetched, **golden, **also)
        backbone = backbones.named(origin.trained.facts.backbone).human if origin.trained else ""
        has_report = origin.dataset is not None and options.report
        write_page(temporary, web.contract, samples, options, backbone=backbone, has_report=has_report)
        if not has_report:  # the page has its styles in itself
            (temporary / "style.css").unlink()
        evaluation = write_report(web, origin, temporary if has_report else None)
        report = replace(_report(web, origin, temporary), evaluation=evaluation)
        if options.max_bytes is not None and report.bytes.total_gzip > options.max_bytes:
            raise BundleError(
                f"the bundle takes {report.bytes.total_gzip:,} bytes after gzip, more than {options.max_bytes:,}",
                fix="take a smaller network, fewer bits (--quantize), or raise --max-bytes",
            )
        records.write(temporary / "report.json", report)
        if package:
            write_package(temporary, package, describe(web.contract))
        if options.single_file:
            write_single_file(temporary, web.contract.name)
    return Bundle(into)


def _copy_static(static: Path, into: Path, web: WebModel) -> None:
    """Copy the built page; a model whose ops the lean worker lacks gets the one with all kernels, and none for graphics cards."""
    lean = json.loads((static.parent / "runtime.json").read_text(encoding="utf-8"))["ops"]
    topology = json.loads((web.path / web.contract.model_path).read_text(encoding="utf-8"))
    graphs = [topology["modelTopology"], topology.get("modelInitializer") or {}]
    missing = {node["op"] for graph in graphs for node in graph.get("node", [])} - set(lean)
    why = f"the model holds {', '.join(sorted(missing))}" if missing else "the lean worker has all of the model's operations"
    _log.info(
        "workers for %s, because %s", "all operations and no graphics card" if missing else "MobileNets and graphics cards", why
    )
    left_out = shutil.ignore_patterns(*named(Role.GPU if missing else Role.ALL_OPS))
    shutil.copytree(static, into, dirs_exist_ok=True, ignore=left_out)
    for path in into.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _write_samples(dataset: Dataset, chosen: Sequence[Picture], into: Path) -> list[dict[str, str]]:
    """Copies of the chosen pictures, small and without metadata (a photograph may tell where it was taken)."""
    (into / "samples").mkdir()
    rows = []
    for number, picture in enumerate(chosen):
        path = f"samples/{number:02d}.jpg"
        image = pixels.decode(dataset.read_bytes(picture))
        image.thumbnail((_SAMPLE_SIDE, _SAMPLE_SIDE), Image.Resampling.LANCZOS)
        image.save(into / path, quality=88)
        rows.append({"path": path, "label": dataset.labels[picture.label]})
    return rows


def _golden(web: WebModel, folder: Path, path: str) -> JsonObject:
    """One sample with Python's answer to it: the page asks itself on load, and refuses to work where it answers otherwise."""
    model_input = pixels.read_model_input((folder / path).read_bytes(), web.contract.input)
    with Runner(GraphModel.read(web.path / web.contract.model_path), [web.contract.outputs.probabilities]) as runner:
        answer = [round(float(p), 6) for p in runner(model_input[None])[0][0]]
    return {"path": path, "sha256": manifest.sha256_file(folder / path), "probabilities": answer}


def _chosen(dataset: Dataset, options: Bundling) -> Iterable[Picture]:
    """Pictures of the test side, class by class, from as many groups as there are."""
    per_class: dict[int, list[Picture]] = {}
    for picture in dataset.on("test"):
        per_class.setdefault(picture.label, []).append(picture)
    chosen = []
    for label in sorted(per_class)[: options.sample_classes]:
        rows = _alternating(per_class[label])
        start = label * 7 % len(rows)  # not everywhere the first group
        chosen += (rows[start:] + rows[:start])[: options.samples]
    return chosen


def _alternating(pictures: list[Picture]) -> list[Picture]:
    """One of each group, then a second of each, and so on; in each round as they come."""
    seen: Counter[str] = Counter()
    rounds = []
    for picture in pictures:
        rounds.append(seen[picture.group])
        seen[picture.group] += 1
    return [pictures[i] for i in sorted(range(len(pictures)), key=rounds.__getitem__)]


def _report(web: WebModel, origin: Origin, folder: Path) -> Report:
    """report.json before the browser has spoken; `seconds` stay null in the bundle, so that builds are reproducible."""
    trained = origin.trained.facts if origin.trained else None
    measured = trained.accuracy if trained else None
    exported = web.facts.accuracy
    accuracy = ReportedAccuracy()
    if measured:
        accuracy = ReportedAccuracy(measured.n, measured.float_, exported, measured.interval95, measured.folds, measured.p_value)
    tested = origin.adopted.adopted.accuracy if origin.adopted else None
    if tested is not None:
        accuracy = ReportedAccuracy(tested.n, tested.float_, exported, tested.interval95)
    if accuracy.n and exported is not None:  # the interval belongs to the number that is shown
        accuracy = replace(accuracy, interval95=wilson(round(exported * accuracy.n), accuracy.n))
    return Report(
        name=web.contract.name,
        quantization=web.facts.storage,
        bytes=_sizes(folder),
        accuracy=accuracy,
        dataset=trained.dataset if trained else None,
        backbone=trained.backbone if trained else None,
        weights=trained.weights if trained else None,
        choice=trained.choice if trained else None,
        seconds=dict.fromkeys(STAGES),
        search=origin.search.facts if origin.search else None,
        original=_against_original(web, origin.adopted) if origin.adopted else None,
        input=origin.adopted.adopted.input if origin.adopted else None,
    )


def _against_original(web: WebModel, adopted: SavedModel) -> OriginalComparison:
    """How the original was compared, and how far the model as stored in the page is from it."""
    compared, answers = adopted.adopted.original, adopted.path / ORIGINAL_ANSWERS
    if not answers.is_file():
        return compared
    with np.load(answers, allow_pickle=False) as held:
        inputs, expected = held["inputs"], held["probabilities"]
    with Runner(GraphModel.read(web.path / web.contract.model_path), [web.contract.outputs.probabilities]) as runner:
        ours = np.concatenate([runner(inputs[i : i + _BATCH])[0] for i in range(0, len(inputs), _BATCH)])
    agreement = float((ours.argmax(1) == expected.argmax(1)).mean())
    return replace(compared, page=Difference(agreement, float(np.abs(ours - expected).max())))


def _sizes(folder: Path) -> Sizes:
    """Bytes by kind, and the sum of every file's gzip; samples, report and what is fetched when asked for are left aside."""
    sizes = {"page": 0, "runtime": 0, "model": 0, "total": 0, "total_gzip": 0, "gpu_gzip": 0}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if has(name, Role.ASIDE):
            continue
        if has(name, Role.GPU):
            sizes["gpu_gzip"] += _gzip_bytes(path)
            continue
        kind = "model" if has(name, Role.MODEL) else "runtime" if has(name, Role.RUNTIME) else "page"
        sizes[kind] += path.stat().st_size
        sizes["total"] += path.stat().st_size
        sizes["total_gzip"] += _gzip_bytes(path)
    return Sizes(**sizes)


def _gzip_bytes(path: Path) -> int:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9, mtime=0) as file, path.open("rb") as source:
        for part in iter(partial(source.read, 1 << 20), b""):
            file.write(part)
    return packed.tell()
