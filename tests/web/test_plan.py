"""worker.js runs MobileNets by a plan of its own: its answers are those of TF.js' own executor, op by op and net by net."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networks
import pytest
from playwright.sync_api import Page
from tests import tolerance

NETS = {
    "V1": (networks.mobilenet_v1, "uint8"),
    "V2": (networks.mobilenet_v2, "float16"),
    "V3": (networks.mobilenet_v3, "uint16"),
    "V1 in floats": (networks.mobilenet_v1, "float32"),
    "large products": (networks.large_products, "uint8"),
    "large products in halves": (networks.large_products, "float16"),
    "odd shapes": (networks.oddities, "float32"),
}
COMPARE = """async ([ours, stock, side]) => {
  const { load } = await import(`./${ours}/pagesight.js`);
  const [a, b] = [await load(`./${ours}/`), await load(`./${stock}/`)];
  let seed = 1;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const found = { probabilities: 0, embedding: 0, features: 0, map: 0 };
  const size = { logits: 1, features: 0 };
  const compare = (name, one, other) => {
    found[name] = one.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i])), found[name]);
  };
  for (let picture = 0; picture < 3; picture++) {
    const image = new ImageData(side, side);
    for (let i = 0, color = []; i < image.data.length; i += 4) {
      if (i % 64 === 0) color = [random() * 255, random() * 255, random() * 255, 255];
      image.data.set(color, i);
    }
    const [one, other] = [await a.predict(image), await b.predict(image)];
    size.features = Math.max(size.features, ...other.features.data);
    size.logits = Math.max(size.logits, Math.log(Math.max(...other.probabilities) / Math.min(...other.probabilities)));
    compare("probabilities", one.probabilities, other.probabilities);
    if (one.embedding) compare("embedding", one.embedding, other.embedding);
    compare("features", one.features.data, other.features.data);
    compare("map", (await a.explain(image)).map, (await b.explain(image)).map);
  }
  const fetched = performance.getEntriesByType("resource").map(({ name }) => name);
  return { found, size, lean: [ours, stock].map((name) => fetched.some((url) => url.endsWith(`${name}/worker_lean.js`))) };
}"""

Compare = Callable[..., dict[str, float]]


@pytest.fixture
def compare(tmp_path: Path, make_bundle: Callable[..., Path], serve: Callable[[Path], Any], context: Any) -> Compare:
    """Asks the plan and TF.js' executor the same pictures; the second gets a contract that lists no worker.js.

    How far their answers lie apart is told in shares of what rounding alone may cost.
    """

    def ask(net: networks.Network, stored_as: str, *, modern: bool = True) -> dict[str, float]:
        model = net.write(tmp_path / "model", stored_as)
        ours, stock = make_bundle(model=model), make_bundle(model=model)
        if not modern:
            code = (ours / "pagesight.js").read_text(encoding="utf-8")
            # An instruction that no browser knows, in the place of a · b + c, and a method that none has.
            for known, unknown in (("fd8502", "fdff7f"), (".fromHex?.(", ".fromHax?.(")):
                assert known in code
                code = code.replace(known, unknown)
            (ours / "pagesight.js").write_text(code, encoding="utf-8")
        contract = json.loads((stock / "contract.json").read_text(encoding="utf-8"))
        del contract["files"]["worker.js"]
        (stock / "contract.json").write_text(json.dumps(contract), encoding="utf-8")
        (tmp_path / "blank.html").write_text('<!doctype html><link rel="icon" href="data:,">', encoding="utf-8")
        page: Page = context.new_page()
        page.goto(f"{serve(tmp_path).url}blank.html")
        answer = page.evaluate(COMPARE, [ours.name, stock.name, contract["input"]["side"]])
        assert answer["lean"] == [False, True]
        largest = answer["size"]
        features = tolerance.of_graph(net.nodes, net.weights, largest["features"])
        logits = tolerance.of_graph(net.nodes, net.weights, largest["logits"])
        allowed = {
            "features": features,
            "embedding": features,
            "probabilities": tolerance.of_softmax(logits),
            # Where it looked is the quotient of two differences of logits, the larger of which is a tenth of their range or more.
            "map": 2 * logits / (largest["logits"] / 10),
        }
        return {name: answer["found"][name] / most for name, most in allowed.items()}

    return ask


@pytest.mark.parametrize("net", NETS)
def test_a_mobilenet_answers_as_in_tfjs(net: str, compare: Compare) -> None:
    make, stored_as = NETS[net]
    result = compare(make(), stored_as)
    # TF.js' WASM kernel adds wrong biases to several rows at once where the matrix lies on its side, as the odd shapes' does.
    map_apart = result.pop("map")
    assert max(result.values()) <= 1, result
    assert net == "odd shapes" or map_apart <= 1


def test_a_browser_without_relaxed_simd_and_hexadecimal_digits_answers_the_same(compare: Compare) -> None:
    result = compare(networks.large_products(), "uint16", modern=False)
    assert max(result.values()) <= 1, result


def test_a_channel_a_hundred_times_larger_leaves_its_neighbors_four_digits(compare: Compare) -> None:
    # Strassen's sums carry the large values through results that do not read them, and round there, a hundred times as much.
    net = networks.outlier()
    four_digits = 1e-4 / tolerance.of_graph(net.nodes, net.weights, 1)
    assert compare(net, "float32")["features"] <= four_digits
