"""pagesight.js, the public module: loads, refuses what was changed, answers as the graph does, and holds no memory."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import assembly
import numpy as np
import pytest
import tiny_model
from conftest import READY, before_worker
from PIL import Image
from playwright.sync_api import Browser, Page

from pagesight.page.render import name_files

LOAD = "async (base) => { const { load } = await import(base + 'pagesight.js'); window.c = await load(base + 'pagesight.js'); }"
FAILURE = """async () => {
  const { load } = await import('./pagesight.js');
  try { await load(); return null; } catch (error) { return { code: error.code, file: error.file, message: error.message }; }
}"""
PREDICT = """async (bytes) => {
  const { probabilities, embedding, features } = await c.predict(new Blob([new Uint8Array(bytes)]));
  return { probabilities: [...probabilities], embedding: [...embedding], shape: features.shape };
}"""


def _picture(seed: int = 0) -> tuple[np.ndarray, list[int]]:
    model_input = np.random.default_rng(seed).integers(0, 256, (tiny_model.SIDE, tiny_model.SIDE, 3), dtype=np.uint8)
    model_input[..., seed % 3] //= 2
    target = io.BytesIO()
    Image.fromarray(model_input).save(target, "PNG")
    return model_input, list(target.getvalue())


@pytest.mark.parametrize(
    "options", [{}, {"initializer": True}, {"rare_op": True}], ids=["plain", "initializer", "op-beyond-mobilenet"]
)
def test_answers_are_those_of_the_graph(
    make_bundle: Callable[..., Path], blank: Callable[..., Page], options: dict[str, bool]
) -> None:
    page = blank(make_bundle(**options))
    page.evaluate(LOAD, "./")
    for seed in range(3):
        model_input, data = _picture(seed)
        answer = page.evaluate(PREDICT, data)
        np.testing.assert_allclose(answer["probabilities"], tiny_model.probabilities(model_input), rtol=0, atol=tiny_model.CLOSE)
        assert answer["shape"] == [1, 4, 4, 3]
        assert len(answer["embedding"]) == 3
    assert page.evaluate("c.backend") == ("tfjs-wasm" if options else "wasm")


def test_a_picture_that_was_answered_is_forgotten(
    launch: Callable[..., Browser], serve: Callable[[Path], Any], make_bundle: Callable[..., Path]
) -> None:
    counted = """const made = [], Own = Uint8ClampedArray;
      globalThis.Uint8ClampedArray = class extends Own {
        constructor(...how) { super(...how); made.push(new WeakRef(this)); }
      };
      globalThis.inMemory = () => { gc(); return [made.length, made.filter((one) => one.deref()).length]; };"""
    with launch("--js-flags=--expose-gc") as browser:
        page = browser.new_page()
        before_worker(page, counted)
        page.goto(serve(make_bundle()).url)
        page.wait_for_selector(READY)
        page.evaluate(LOAD, page.url)
        picture = _picture()[1]
        page.evaluate(
            "async (bytes) => { for (let i = 0; i < 40; i++) await c.predict(new Blob([new Uint8Array(bytes)])); }", picture
        )
        made, left = (sum(counts) for counts in zip(*(worker.evaluate("inMemory()") for worker in page.workers), strict=True))
    assert made >= 40
    assert left < 10  # the last, and what the page itself was asked


def test_an_app_below_another_path_gets_labels_sorted_by_probability(
    make_bundle: Callable[..., Path], blank: Callable[..., Page]
) -> None:
    bundle = make_bundle()
    deep = bundle.parent / "site" / "some path" / "ünder"
    deep.parent.mkdir(parents=True)
    bundle.rename(deep)
    page = blank(deep.parent.parent)
    page.evaluate(LOAD, "./some path/ünder/")
    answers = page.evaluate("async () => c.classify(await (await fetch('./some path/ünder/samples/2.jpg')).blob(), { topK: 2 })")
    assert answers[0]["label"] == "blue"
    assert len(answers) == 2
    assert answers[0]["probability"] > answers[1]["probability"]


def test_a_picture_that_another_frame_made_is_answered(make_bundle: Callable[..., Path], blank: Callable[..., Page]) -> None:
    page = blank(make_bundle())
    page.evaluate(LOAD, "./")
    foreign, answers = page.evaluate(
        """async () => {
          const { contentWindow } = document.body.appendChild(document.createElement("iframe"));
          const blob = await (await contentWindow.fetch(new URL("samples/2.jpg", location.href))).blob();
          return [!(blob instanceof Blob), await c.classify(blob)];
        }"""
    )
    assert foreign
    assert answers[0]["label"] == "blue"


@pytest.mark.parametrize(
    "path", ["model/model.json", "model/group1-shard1of1.bin", "worker_lean.js", "worker_all.js", "tfjs-backend-wasm-simd.wasm"]
)
def test_a_changed_file_is_refused_by_name(make_bundle: Callable[..., Path], blank: Callable[..., Page], path: str) -> None:
    bundle = make_bundle(initializer=True)  # which worker.js leaves to TF.js
    if path == "worker_all.js":  # as where a model holds what the lean worker lacks
        contract = json.loads((bundle / "contract.json").read_text(encoding="utf-8"))
        del contract["files"]["worker_lean.js"]
        (bundle / "contract.json").write_text(json.dumps(contract), encoding="utf-8")
    target = bundle / path
    data = bytearray(target.read_bytes())
    data[len(data) // 2] ^= 1
    target.write_bytes(data)
    failure = blank(bundle).evaluate(FAILURE)
    assert failure == {"code": "tampered", "file": path, "message": f"{path} is not the file that was published"}


def test_the_worker_that_runs_is_the_one_that_was_checked(make_bundle: Callable[..., Path], blank: Callable[..., Page]) -> None:
    page = blank(make_bundle(initializer=True))
    asked: list[str] = []

    def swap(route: Any) -> None:
        """As a host may that gives the checker one file and the browser's worker another."""
        asked.append(route.request.url)
        if len(asked) == 1:
            route.continue_()
        else:
            route.fulfill(body="throw new Error('another file')", content_type="text/javascript")

    page.route("**/worker_lean.js", swap)
    page.evaluate(LOAD, "./")
    model_input, data = _picture()
    np.testing.assert_allclose(
        page.evaluate(PREDICT, data)["probabilities"], tiny_model.probabilities(model_input), rtol=0, atol=tiny_model.CLOSE
    )
    assert len(asked) == 1


def test_loading_that_is_given_up_ends_its_fetches_and_its_worker(
    make_bundle: Callable[..., Path], blank: Callable[..., Page]
) -> None:
    page = blank(make_bundle())
    page.route("**/*.bin", lambda route: None)  # never answered
    begin = """async () => {
      window.leaving = new AbortController();
      const { load } = await import("./pagesight.js");
      load("./", { signal: leaving.signal }).catch((reason) => (window.why = reason.message));
    }"""
    with page.expect_event("worker"), page.expect_request("**/*.bin"):
        page.evaluate(begin)
    with page.expect_event("requestfailed") as failed:
        page.evaluate("leaving.abort(new Error('left'))")
    assert failed.value.url.endswith(".bin")
    page.wait_for_function("window.why === 'left'")
    for _ in range(6000):
        if not page.workers:
            break
        page.wait_for_timeout(10)
    assert page.workers == []


def test_a_policy_that_allows_workers_from_files_alone_gets_one(
    make_bundle: Callable[..., Path], blank: Callable[..., Page]
) -> None:
    page = blank(make_bundle(), policy="script-src 'self' 'wasm-unsafe-eval' 'unsafe-eval'; worker-src 'self'")
    page.evaluate(LOAD, "./")
    model_input, data = _picture()
    np.testing.assert_allclose(
        page.evaluate(PREDICT, data)["probabilities"], tiny_model.probabilities(model_input), rtol=0, atol=tiny_model.CLOSE
    )
    other = make_bundle()
    (other / "worker.js").write_bytes((other / "worker.js").read_bytes() + b" ")
    failure = blank(other, policy="script-src 'self' 'wasm-unsafe-eval' 'unsafe-eval'; worker-src 'self'").evaluate(FAILURE)
    assert (failure["code"], failure["file"]) == ("tampered", "worker.js")


def test_a_module_that_knows_its_files_asks_for_them_at_once(make_bundle: Callable[..., Path], blank: Callable[..., Page]) -> None:
    bundle = make_bundle()
    name_files(bundle, ["model/model.json", "model/group1-shard1of1.bin"])
    assembly.seal(bundle, json.loads((bundle / "contract.json").read_text(encoding="utf-8")))
    page = blank(bundle)
    asked: list[str] = []
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    page.route("**/contract.json", hold)
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    # The weights are asked for although the contract has not come.
    with page.expect_request("**/group1-shard1of1.bin"):
        page.evaluate(f"() => void (window.loading = ({LOAD})('./'))")
    page.unroute("**/contract.json")
    for route in held:
        route.continue_()
    page.evaluate("window.loading")
    assert [asked.count(name) for name in ("model.json", "group1-shard1of1.bin", "worker.js")] == [1, 1, 0]


def test_a_missing_file_and_a_foreign_contract_are_named(make_bundle: Callable[..., Path], blank: Callable[..., Page]) -> None:
    bundle = make_bundle()
    (bundle / "model" / "model.json").unlink()
    assert blank(bundle).evaluate(FAILURE)["code"] == "unreachable"
    other = make_bundle()
    (other / "contract.json").write_text('{"format": 2}', encoding="utf-8")
    assert blank(other).evaluate(FAILURE)["code"] == "contract"


def test_labels_that_do_not_fit_the_graph_are_refused(make_bundle: Callable[..., Path], blank: Callable[..., Page]) -> None:
    bundle = make_bundle()
    contract = bundle / "contract.json"
    contract.write_text(contract.read_text(encoding="utf-8").replace('"red", ', ""), encoding="utf-8")
    failure = blank(bundle).evaluate(FAILURE)
    assert failure["code"] == "contract"
    assert "answers 3 classes, contract.json names 2" in failure["message"]


def test_plain_http_of_a_local_network_works_and_still_checks(make_bundle: Callable[..., Path], blank: Callable[..., Page]) -> None:
    bundle = make_bundle()
    page = blank(bundle, host="classroom.test")
    assert page.evaluate("crypto.subtle === undefined")
    page.evaluate(LOAD, "./")
    shard = bundle / "model" / "group1-shard1of1.bin"
    shard.write_bytes(b"\1" + shard.read_bytes()[1:])
    os.utime(shard, (4e9, 4e9))  # the server tells versions apart by the second
    assert page.evaluate(FAILURE)["code"] == "tampered"


def test_what_is_no_picture_is_said_to_be_none(make_bundle: Callable[..., Path], blank: Callable[..., Page]) -> None:
    page = blank(make_bundle())
    page.evaluate(LOAD, "./")
    codes = page.evaluate(
        """() => Promise.all(
          [new Blob(["x"]), new Blob([]), {}, null, document.createElement("video"), document.createElement("div")]
            .map((source) => c.classify(source).then(() => "answered", (error) => error.code)))"""
    )
    assert codes == ["picture", "picture", "source", "source", "source", "source"]


def test_memory_is_flat_over_a_thousand_frames(make_bundle: Callable[..., Path], blank: Callable[..., Page]) -> None:
    page = blank(make_bundle(initializer=True))
    page.evaluate(LOAD, "./")
    before, after = page.evaluate(
        """async () => {
          const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
          const frame = canvas.getContext("2d");
          await c.predict(canvas);
          const before = await c.memory();
          for (let i = 0; i < 1000; i++) {
            frame.fillStyle = `rgb(${i % 255} 20 30)`;
            frame.fillRect(0, 0, 320, 240);
            await (i % 2 ? c.classify(canvas) : c.predict(canvas));
          }
          return [before, await c.memory()];
        }"""
    )
    assert before == after


def test_pictures_that_come_at_once_are_answered_each_for_itself(
    make_bundle: Callable[..., Path], blank: Callable[..., Page]
) -> None:
    page = blank(make_bundle())
    page.evaluate(LOAD, "./")
    alone, together = page.evaluate(
        """async () => {
          const draw = (color, width) => {
            const context = new OffscreenCanvas(width, 300).getContext("2d");
            context.fillStyle = color;
            context.fillRect(0, 0, width, 150);
            return context.canvas.convertToBlob({ type: "image/jpeg" });
          };
          const files = await Promise.all([draw("red", 200), draw("green", 900), draw("blue", 500)]);
          const seen = (file) => c.square(file).then(({ data }) => data.join(), ({ code }) => code);
          const alone = [];
          for (const file of files) alone.push(await seen(file));
          files.splice(1, 0, new Blob(["no picture"]));
          return [alone, await Promise.all(files.map(seen))];
        }"""
    )
    assert len(set(alone)) == 3
    assert together == [alone[0], "picture", alone[1], alone[2]]


def test_a_disposed_classifier_refuses_and_a_new_one_loads(make_bundle: Callable[..., Path], blank: Callable[..., Page]) -> None:
    page = blank(make_bundle())
    page.evaluate(LOAD, "./")
    assert page.evaluate("() => { c.dispose(); return c.memory().catch((error) => error.code); }") == "disposed"
    page.evaluate(LOAD, "./")
    assert page.evaluate("c.memory().then(({ numTensors }) => numTensors > 0)")


def test_the_runtime_is_small(make_bundle: Callable[..., Path]) -> None:
    import gzip

    bundle = make_bundle()
    assert len(gzip.compress((bundle / "pagesight.js").read_bytes(), 9)) <= 22_000


def _with_golden(bundle: Path, probabilities: list[float]) -> Path:
    path = bundle / "contract.json"
    contract = json.loads(path.read_text(encoding="utf-8"))
    contract["golden"] = {"path": "samples/0.jpg", "probabilities": probabilities}
    path.write_text(json.dumps(contract), encoding="utf-8")
    return bundle


def test_a_wrong_answer_to_the_golden_picture_is_refused(make_bundle: Callable[..., Path], blank: Callable[..., Page]) -> None:
    bundle = make_bundle()
    with Image.open(bundle / "samples" / "0.jpg") as image:
        red = np.asarray(image.resize((tiny_model.SIDE, tiny_model.SIDE)))
    right = tiny_model.probabilities(red).tolist()
    assert blank(_with_golden(bundle, right)).evaluate(FAILURE) is None
    wrong = _with_golden(make_bundle(), right[::-1])
    assert blank(wrong).evaluate(FAILURE)["code"] == "wrong-answer"


def test_a_worker_that_answers_wrongly_gives_way_to_the_next(make_bundle: Callable[..., Path], blank: Callable[..., Page]) -> None:
    bundle = make_bundle()
    with Image.open(bundle / "samples" / "0.jpg") as image:
        red = np.asarray(image.resize((tiny_model.SIDE, tiny_model.SIDE)))
    _with_golden(bundle, tiny_model.probabilities(red).tolist())
    page = blank(bundle, before="Math.exp = () => 1;")
    page.evaluate(LOAD, "./")
    model_input, data = _picture()
    np.testing.assert_allclose(
        page.evaluate(PREDICT, data)["probabilities"], tiny_model.probabilities(model_input), rtol=0, atol=tiny_model.CLOSE
    )
