"""Graphics cards: taken where they are right and faster on this machine, and left again, in words, when they fail."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import assembly
import networks
import numpy as np
import pytest
import tiny_model
from colors import READY
from conftest import PATIENCE, before_worker
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Worker, expect
from tests import tolerance

# A graphics card in software: it shows that answers are right, not how fast they come.
SOFTWARE = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader")
# A graphics card in software on a busy machine may take longer than a real one is given: only the test's own clock gives it up.
PATIENT = "window.setTimeout = ((set) => (work, delay = 0, ...given) => delay < 5000 ? set(work, delay, ...given) : 0)(setTimeout);"
# A WebAssembly worker that any graphics card beats, even in software on a busy machine: softmax takes 60 ms a class.
SLOW = "Math.exp=(f=>x=>{const end=performance.now()+60;while(performance.now()<end);return f(x)})(Math.exp);"
# Lets a test lose the context, or have the driver answer nonsense.
TOUCHABLE = """{
  const { getContext } = OffscreenCanvas.prototype;
  OffscreenCanvas.prototype.getContext = function (kind, options) {
    const context = getContext.call(this, kind, options);
    if (kind === "webgl2") self.gl = context;
    return context;
  };
  const { readPixels } = WebGL2RenderingContext.prototype;
  WebGL2RenderingContext.prototype.readPixels = function (...given) {
    readPixels.apply(this, given);
    if ("nonsense" in self) given[6].fill(self.nonsense);
  };
}"""
LOSE = "gl.getExtension('WEBGL_lose_context').loseContext()"
COMPARE = """async (backend) => {
  const { load } = await import("./pagesight.js");
  const c = await load("./");
  const picture = await (await fetch("samples/1.jpg")).blob();
  const ask = async () => ({ ...(await c.predict(picture)), ...(await c.explain(picture)), ...(await c.extractFeatures(picture)) });
  const most = (a, b) => a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
  const ours = await ask();
  const { backend: taken, attempts } = await c.tryGpu({ backends: [backend], margin: 0 });
  const theirs = await ask();
  const names = ["probabilities", "embedding", "map", "vector"];
  const logits = Math.log(Math.max(...theirs.probabilities) / Math.min(...theirs.probabilities));
  const apart = Object.fromEntries(names.map((name) => [name, most(ours[name], theirs[name])]));
  apart.features = most(ours.features.data, theirs.features.data);
  c.useWasm();
  const again = await c.predict(picture);
  const same = most(again.probabilities, ours.probabilities);
  return { taken, attempts, apart, logits, largest: Math.max(...theirs.features.data), after: c.backend, same };
}"""
TRY = """async (options) => {
  const { load } = await import("./pagesight.js");
  window.c = await load("./");
  window.lost = [];
  return c.tryGpu({ backends: ["webgl"], margin: 0, onFallback: ({ message }) => lost.push(message), ...options });
}"""
CLASSIFY = """async () => {
  const answers = await c.classify(await (await fetch("samples/2.jpg")).blob());
  return { label: answers[0].label, backend: c.backend, lost };
}"""


@pytest.fixture(scope="module")
def gpu_browser(launch: Callable[..., Browser]) -> Iterator[Browser]:
    other = launch(*SOFTWARE)
    yield other
    other.close()


@pytest.fixture
def visit(gpu_browser: Browser, serve: Callable[[Path], Any]) -> Iterator[Callable[..., Page]]:
    """Opens a bundle's page, or an empty page beside it."""
    contexts: list[BrowserContext] = []

    def open_page(bundle: Path, *, empty: bool = False, before: str = "") -> Page:
        (bundle / "blank.html").write_text('<!doctype html><link rel="icon" href="data:,"><title>app</title>', encoding="utf-8")
        contexts.append(gpu_browser.new_context())
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        if before:
            before_worker(page, before)
        page.add_init_script(PATIENT)
        page.goto(serve(bundle).url + ("blank.html" if empty else ""))
        if not empty:
            page.wait_for_selector(READY)
        return page

    yield open_page
    for context in contexts:
        context.close()


def _put_before(bundle: Path, **code: str) -> Path:
    """Publish the bundle anew with `code` in front of the scripts of these names; the golden picture is sample 0."""
    for name, text in code.items():
        script = bundle / f"{name}.js"
        script.write_text(text + script.read_text(encoding="utf-8"), encoding="utf-8")
    contract = json.loads((bundle / "contract.json").read_text(encoding="utf-8"))
    with Image.open(bundle / "samples" / "0.jpg") as image:
        model_input = np.asarray(image.resize((tiny_model.SIDE, tiny_model.SIDE)))
    contract["golden"] = {"path": "samples/0.jpg", "probabilities": tiny_model.probabilities(model_input).tolist()}
    assembly.seal(bundle, contract)
    return bundle


def _gpu_worker(page: Page) -> Worker:
    _, second = page.workers
    return second


@pytest.mark.parametrize(("backend", "net"), [("webgl", networks.mobilenet_v3), ("webgpu", networks.mobilenet_v1)])
def test_a_graphics_card_answers_as_webassembly_does(
    make_bundle: Callable[..., Path], visit: Callable[..., Page], tmp_path: Path, backend: str, net: Callable[[], Any]
) -> None:
    made = net()
    page = visit(make_bundle(model=made.write(tmp_path / "model", "uint8")), empty=True)
    result = page.evaluate(COMPARE, backend)
    assert result["taken"] == backend, result["attempts"]
    features = tolerance.of_graph(made.nodes, made.weights, result["largest"])
    logits = tolerance.of_graph(made.nodes, made.weights, max(1, result["logits"]))
    # Where it looked is the quotient of two differences of logits, the larger of which is a tenth of their range or more.
    allowed = {"features": features, "vector": features, "embedding": features, "map": 20 * logits / max(1, result["logits"])}
    allowed["probabilities"] = tolerance.of_softmax(logits)
    assert {name: apart for name, apart in result["apart"].items() if apart > allowed[name]} == {}
    assert (result["after"], result["same"]) == ("wasm", 0)


def test_what_the_page_needs_first_holds_nothing_for_graphics_cards(
    make_bundle: Callable[..., Path], visit: Callable[..., Page]
) -> None:
    page = visit(make_bundle())
    for sample in ("red", "green", "blue", "red"):
        page.get_by_role("button", name=f"Sample picture: {sample}").click()
        expect(page.locator("#label")).to_have_text(sample)
    expect(page.locator("#fact-backend dd").first).to_have_text("WebAssembly")
    expect(page.locator("#offline")).to_be_visible()
    fetched = page.evaluate("performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname.split('/').at(-1))")
    kept = page.evaluate("caches.keys().then(async ([key]) => (await (await caches.open(key)).keys()).map(({ url }) => url))")
    assert "page.js" in fetched
    assert not [name for name in (*fetched, *kept) if "gpu" in name or "webgl" in name]


def test_a_slower_one_is_not_taken_and_the_page_says_why(make_bundle: Callable[..., Path], visit: Callable[..., Page]) -> None:
    page = visit(make_bundle())
    page.get_by_role("button", name="Try the GPU").click()
    expect(page.locator("#fact-backend")).to_contain_text(
        re.compile(r"WebAssembly.*faster here: .* ms, against .* ms on .*SwiftShader")
    )
    expect(page.get_by_role("button", name="Try the GPU")).to_be_enabled()


def test_one_that_answers_otherwise_is_not_taken_and_the_page_says_why(
    make_bundle: Callable[..., Path], visit: Callable[..., Page]
) -> None:
    page = visit(_put_before(make_bundle(), worker_webgl=f"self.nonsense=0.5;{TOUCHABLE}"), before=SLOW)
    page.get_by_role("button", name="Try the GPU").click()
    expect(page.locator("#fact-backend")).to_contain_text(re.compile("WebAssembly.*gave different answers, so it is not used"))
    page.get_by_role("button", name="Sample picture: blue").click()
    expect(page.locator("#label")).to_have_text("blue")


def test_a_slow_model_moves_to_the_graphics_card_and_back_when_its_context_is_lost(
    make_bundle: Callable[..., Path], visit: Callable[..., Page]
) -> None:
    page = visit(_put_before(make_bundle(), worker_webgl=TOUCHABLE), before=SLOW)
    page.evaluate("window.notReloaded = true")
    for sample in ("red", "green", "blue"):
        page.get_by_role("button", name=f"Sample picture: {sample}").click()
        expect(page.locator("#label")).to_have_text(sample)
    expect(page.locator("html[data-backend=webgl]")).to_be_attached()
    expect(page.locator("#fact-backend")).to_contain_text(
        re.compile(r"WebGL.* ms on .*SwiftShader.*, against .* ms with WebAssembly")
    )
    page.get_by_role("button", name="Sample picture: green").click()
    expect(page.locator("#label")).to_have_text("green")
    _gpu_worker(page).evaluate(LOSE)
    page.get_by_role("button", name="Sample picture: red").click()
    expect(page.locator("#label")).to_have_text("red")
    expect(page.locator("#gpu-lost")).to_have_text("GPU failed")
    expect(page.locator("#fact-backend")).to_contain_text("WebAssemblyThe GPU failed, so WebAssembly is used again")
    page.get_by_role("button", name="Sample picture: blue").click()
    expect(page.locator("#label")).to_have_text("blue")
    assert page.evaluate("window.notReloaded")


def test_it_is_kept_for_offline_use_once_it_was_used(make_bundle: Callable[..., Path], visit: Callable[..., Page]) -> None:
    page = visit(make_bundle())
    expect(page.locator("#offline")).to_be_visible()
    for offline in (False, True):
        page.context.set_offline(offline)
        page.reload()
        page.wait_for_selector(READY)
        page.get_by_role("button", name="Try the GPU").click()
        expect(page.locator("#fact-backend")).to_contain_text("SwiftShader")


def test_nonsense_in_use_and_a_picture_under_way_are_answered_by_webassembly(
    make_bundle: Callable[..., Path], visit: Callable[..., Page]
) -> None:
    page = visit(_put_before(make_bundle(), worker_webgl=TOUCHABLE), empty=True)
    assert page.evaluate(TRY)["backend"] == "webgl"
    assert page.evaluate(CLASSIFY) == {"label": "blue", "backend": "webgl", "lost": []}
    _gpu_worker(page).evaluate("self.nonsense = NaN")
    assert page.evaluate(CLASSIFY) == {"label": "blue", "backend": "wasm", "lost": ["the graphics card returned NaN"]}
    assert page.evaluate(CLASSIFY)["label"] == "blue"
    assert len(page.workers) == 1


HEAR_WORKERS = """() => {
  window.heard = window.begun = 0; // the first is WebAssembly's, the second the graphics card's
  window.Worker = class extends Worker {
    constructor(...how) {
      super(...how);
      if (++window.begun === 2) this.addEventListener("message", () => (window.heard += 1));
    }
  };
}"""


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        ("self.addEventListener = () => {};", "no answer within 30 seconds"),
        (
            "self.addEventListener = self.postMessage = () => {};",
            "the model's worker did not start: the browser or the page's policy forbids it",
        ),
    ],
    ids=["once it runs", "before it says so"],
)
def test_one_that_hangs_is_given_up(make_bundle: Callable[..., Path], visit: Callable[..., Page], lost: str, message: str) -> None:
    page = visit(_put_before(make_bundle(), worker_webgl=lost), empty=True)
    page.clock.install()
    page.evaluate(HEAR_WORKERS)
    with page.expect_worker(lambda _: len(page.workers) == 2):
        page.evaluate("(source) => void (window.trial = eval(source)())", TRY.replace("(options)", "(options = {})"))
    while "postMessage" not in lost and not page.evaluate("heard"):
        pass
    # Time is the test's own: as much as it takes until the question was asked, and given up.
    page.evaluate("() => void trial.then(() => (window.givenUp = true))")
    while not page.evaluate("window.givenUp"):
        page.clock.run_for(10_001)
    assert page.evaluate("trial") == {
        "backend": "wasm",
        "attempts": [{"backend": "webgl", "verdict": "failed", "message": message}],
    }
    assert page.evaluate(CLASSIFY)["label"] == "blue"


def test_a_changed_worker_is_refused_and_answers_go_on(make_bundle: Callable[..., Path], visit: Callable[..., Page]) -> None:
    bundle = make_bundle()
    with (bundle / "worker_webgl.js").open("a") as script:
        script.write(";")
    page = visit(bundle, empty=True)
    (attempt,) = page.evaluate(TRY)["attempts"]
    assert (attempt["verdict"], attempt["message"]) == ("failed", "worker_webgl.js is not the file that was published")
    assert page.evaluate(CLASSIFY)["label"] == "blue"
