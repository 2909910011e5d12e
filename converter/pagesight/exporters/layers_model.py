"""A web model as a TF.js layers model with Teachable Machine's metadata: what ml5 and @teachablemachine/image load.

Both draw a picture to 224×224 px (ml5 always, Teachable Machine as metadata.json says), and give `pixel / 127 - 1`. So the layers
model takes that, and itself turns it into what the graph takes: grays it, resizes it and scales it back to 0..255.
"""

import json
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from pagesight.contract import Contract
from pagesight.exporters.keras_network import Network
from pagesight.exporters.translate import scaled, translate
from pagesight.graph import tensorflowjs
from pagesight.graph.model import GraphModel
from pagesight.json_values import JsonObject

SIDE = 224
_HALF = 127.0
_LUMA = (0.299, 0.587, 0.114)
_TFJS = "1.3.1"
"""The TF.js that @teachablemachine/image was made with; every later one reads the same."""


def write_layers_model(model_json: Path, contract: Contract, into: Path) -> None:
    """Write model.json, its weights in the types in which `model_json` keeps them, and metadata.json below `into`.

    Input   image: float32 RGB `[batch, 224, 224, 3]`, -1..1.
    Output  float32 `[batch, classes]`, rows sum to 1.
    Raises BundleError, naming op and node, for a graph that Keras layers cannot express.
    """
    into.mkdir(parents=True)
    model, network = GraphModel.read(model_json), Network()
    image = network.add("InputLayer", [], {"batch_input_shape": [None, SIDE, SIDE, 3], "sparse": False})
    seen = _resized(network, _gray(network, image) if contract.input.channels == 1 else image, contract.input.side)
    pixels = scaled(seen, contract.input.channels, _HALF, _HALF)
    answer = translate(model, contract.outputs.probabilities, network, pixels)
    document = {
        "format": "layers-model",
        "generatedBy": "pagesight",
        "convertedBy": None,
        "modelTopology": network.topology(image, answer),
        "weightsManifest": tensorflowjs.write_weights(network.weights.items(), into, _stored_as(model_json, network)),
    }
    (into / "model.json").write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")
    (into / "metadata.json").write_text(json.dumps(_metadata(contract), ensure_ascii=False), encoding="utf-8")


def _metadata(contract: Contract) -> JsonObject:
    return {
        "tfjsVersion": _TFJS,
        "packageName": "@teachablemachine/image",
        "packageVersion": "0.8.5",
        "modelName": contract.name,
        "labels": list(contract.labels),
        "imageSize": SIDE,
        "userMetadata": {},
    }


def _gray(network: Network, image: str) -> str:
    kernel = np.array(_LUMA, np.float32).reshape(1, 1, 3, 1)
    config: JsonObject = {"filters": 1, "kernel_size": [1, 1], "strides": [1, 1], "padding": "same", "use_bias": False}
    return network.add("Conv2D", [image], config, kernel=kernel)


def _resized(network: Network, image: str, side: int) -> str:
    """Resize along the last axis, which a Dense layer multiplies by a matrix, once for the width and once for the height."""
    if side == SIDE:
        return image
    result, matrix = image, triangle(SIDE, side).astype(np.float32)
    for order in ([1, 3, 2], [3, 2, 1]):  # rows, channels, columns; then columns, channels, rows
        turned = network.add("Permute", [result], {"dims": order})
        result = network.add("Dense", [turned], {"units": side, "use_bias": False, "activation": "linear"}, kernel=matrix)
    return network.add("Permute", [result], {"dims": [3, 1, 2]})


def fed(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the libraries give the layers model for `pictures` `[n, 224, 224, 3]`."""
    return (pictures / _HALF - 1).astype(np.float32)


def resized(pictures: NDArray[np.uint8], contract: Contract, *, stored: bool) -> NDArray[np.float32]:
    """What the graph must be given for the same pictures, `[n, side, side, channels]`, 0..255, not rounded to whole levels.

    With `stored`, by matrices in two bytes a number, as they are written.
    """
    pixels = pictures.astype(np.float64)
    if contract.input.channels == 1:
        pixels = pixels @ np.array(_LUMA)[:, None]
    if contract.input.side != SIDE:
        matrix = triangle(SIDE, contract.input.side)
        if stored:
            step = matrix.max() / np.iinfo(np.uint16).max
            matrix = np.rint(matrix / step) * step
        pixels = np.einsum("nhwc,hi,wj->nijc", pixels, matrix, matrix, optimize=True)
    return pixels.astype(np.float32)


def triangle(before: int, after: int) -> NDArray[np.float64]:
    """What each of `before` pixels gives to each of `after`, `[before, after]`: the triangle filter of `pixels.square`."""
    ratio = before / after
    support = max(ratio, 1.0)
    centers = (np.arange(after) + 0.5) * ratio
    weights = np.maximum(0, 1 - np.abs(np.arange(before)[:, None] + 0.5 - centers) / support)
    return np.asarray(weights / weights.sum(0))


def _stored_as(model_json: Path, network: Network) -> dict[str, str | tensorflowjs.Coded]:
    """The page's own codes for every weight that the layers model took over from it; nearly all of the resizing is zeros."""
    manifest = json.loads(model_json.read_text(encoding="utf-8"))["weightsManifest"]
    kept = {spec["name"]: spec["quantization"] for group in manifest for spec in group["weights"] if "quantization" in spec}
    own = {name: kept[origin] for name, origin in network.origins.items() if origin in kept}
    matrices = [name for name in network.weights if name.endswith("/kernel") and name not in network.origins]
    coded = {name: _coded(network.weights[name], options) for name, options in own.items()}
    return {**dict.fromkeys(matrices, "uint16"), **coded}


class Quantized(TypedDict):
    """How the page's manifest stores a weight."""

    dtype: str
    scale: float
    min: float


def _coded(values: NDArray[Any], options: Quantized) -> str | tensorflowjs.Coded:
    if options["dtype"] == "float16":
        return "float16"
    codes = np.round((values.astype(np.float64) - options["min"]) / options["scale"])
    return tensorflowjs.Coded(codes.astype(options["dtype"]), options["scale"], options["min"])
