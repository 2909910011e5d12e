"""Promises of `--also layers`: the libraries of makers load it, and answer as the page does."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Site, Watched
from PIL import Image

from pagesight import exporters, pixels
from pagesight.adopt import Adoption, adopt
from pagesight.artifacts import WebModel
from pagesight.browser.stock_tfjs import StockTfjs
from pagesight.contract import Input
from pagesight.errors import BundleError
from pagesight.graph.model import GraphModel, Runner
from pagesight.options import Quantization
from pagesight.quantize import quantize
from pagesight.synthetic.natural_noise import natural_noise

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from tests import foreign_models as foreign  # noqa: E402

PEERS = ROOT / "build" / "peers"
SIDE, COUNT = 224, 8
pytestmark = pytest.mark.filterwarnings("ignore")  # Keras warns on saving .h5
MODELS: dict[str, Callable[[], Any]] = {
    "MobileNet": lambda: foreign.transfer("keras2", SIDE),
    "gray pictures of 16 px": lambda: foreign.tiny(channels=1),
    "color pictures of 299 px": lambda: foreign.tiny(side=299),
}
ASK = {
    "teachable.html": """async ([folder, count]) => {
      const model = await tmImage.load(`${folder}/model.json`, `${folder}/metadata.json`);
      return ask(count, async (image) => (await model.predict(image)).map((row) => [row.className, row.probability]));
    }""",
    "ml5.html": """async ([folder, count]) => {
      const classifier = ml5.imageClassifier(new URL(`${folder}/model.json`, document.baseURI).href);
      await classifier.ready;
      return ask(count, async (image) => (await classifier.classify(image)).map((row) => [row.label, row.confidence]));
    }""",
}
PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">{scripts}<script>
async function ask(count, classify) {{
  const answers = [];
  for (let i = 0; i < count; i++) {{
    const image = new Image();
    image.src = `pictures/${{i}}.png`;
    await image.decode();
    answers.push(Object.fromEntries(await classify(image)));
  }}
  return answers;
}}
</script>"""
SCRIPTS = {"teachable.html": ("tf.min.js", "teachablemachine-image.min.js"), "ml5.html": ("ml5.min.js",)}


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    """Squares of 224 px: no library has to resize them, and each resizes in a way of its own."""
    files = []
    for pixel in natural_noise(Input(SIDE), COUNT):
        file = io.BytesIO()
        Image.fromarray(pixel).save(file, "PNG")
        files.append(file.getvalue())
    return files


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, pictures: list[bytes]) -> Path:
    """The libraries, a page for each, and the pictures."""
    missing = [name for names in SCRIPTS.values() for name in names if not (PEERS / name).is_file()]
    if missing:
        pytest.skip(f"no {', '.join(missing)} in build/peers: `make peers` fetches them")
    root = tmp_path_factory.mktemp("site")
    (root / "peers").symlink_to(PEERS)
    (root / "pictures").mkdir()
    for number, data in enumerate(pictures):
        (root / "pictures" / f"{number}.png").write_bytes(data)
    for page, names in SCRIPTS.items():
        scripts = "".join(f'<script src="peers/{name}"></script>' for name in names)
        (root / page).write_text(PAGE.format(scripts=scripts), encoding="utf-8")
    return root


def web_model(make: Callable[[], Any], work: Path) -> WebModel:
    source = foreign.saved(make(), work / "m.h5")
    saved = adopt(source, Adoption(labels="ant,bee,<c> ä", input_range=None), work / "adopt")
    return quantize(saved, Quantization(mode="uint8"), work / "web")


@pytest.mark.parametrize("kind", MODELS)
def test_ml5_and_teachable_machine_answer_as_the_page_does(
    kind: str, site: Path, pictures: list[bytes], tmp_path: Path, serve: Callable[[Path], Site], watched: Watched
) -> None:
    web = web_model(MODELS[kind], tmp_path)
    folder = f"model{list(MODELS).index(kind)}"
    exporters.write_also(web, ("layers",), site / folder, StockTfjs)
    inputs = np.stack([pixels.read_model_input(data, web.contract.input) for data in pictures])
    expected = Runner(GraphModel.read(web.path / web.contract.model_path), [web.contract.outputs.probabilities])(inputs)[0]
    assert np.ptp(expected, axis=0).max() > 1e-3, "all pictures get the same answer: the test proves nothing"
    address = serve(site).url
    for page, ask in ASK.items():
        watched.page.goto(f"{address}{page}")
        rows = watched.page.evaluate(ask, [f"{folder}/also/layers", COUNT])
        result = np.array([[row[label] for label in web.contract.labels] for row in rows])
        # The page rounds its square to whole levels, twice; these libraries' kernels run on WebGL.
        assert np.abs(result - expected).max() < 0.01, page
        assert (result.argmax(1) == expected.argmax(1)).all(), page
    assert watched.foreign == []


def test_the_layers_model_is_as_small_as_the_pages(tmp_path: Path) -> None:
    web = web_model(lambda: foreign.transfer("keras2"), tmp_path)
    exporters.write_also(web, ("layers",), tmp_path / "bundle", StockTfjs)
    folder = tmp_path / "bundle" / "also" / "layers"
    own, theirs = (sum(p.stat().st_size for p in d.glob("*.bin")) for d in (folder, web.path / "model"))
    assert own < theirs + 2 * 2 * SIDE * web.contract.input.side + 1000  # the two matrices that resize
    metadata = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    assert metadata["labels"] == ["ant", "bee", "<c> ä"]
    assert metadata["imageSize"] == SIDE


def test_an_op_that_no_layer_does_is_named_with_its_node(tmp_path: Path) -> None:
    k = foreign.library("keras2")
    image = k.Input((16, 16, 3))
    x = k.layers.GlobalAveragePooling2D()(k.layers.Conv2D(4, 3)(k.layers.Rescaling(1 / 255)(image)))
    odd = k.Model(image, k.layers.Dense(3)(k.layers.Activation("exponential")(x)))
    web = web_model(lambda: odd, tmp_path)
    with pytest.raises(BundleError, match=r"no layer for the op Exp \(node 'Exp_\d+'\)"):
        exporters.write_also(web, ("layers",), tmp_path / "bundle", StockTfjs)
