"""Backbone and head as one tf-keras model, and where its first weights come from."""

import contextlib
import io
import os
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

from pagesight import backbones, manifest
from pagesight.backbones import Backbone
from pagesight.errors import AdoptError, TrainError, first_line
from pagesight.graph.tensorflow import keras
from pagesight.importers import door, hub, keras_weights
from pagesight.importers.groups import Group
from pagesight.training.efficientnet_lite import efficientnet_lite0, load_packaged

_DOWNLOAD_TIMEOUT = 10.0


@dataclass(frozen=True)
class Weights:
    """Where a backbone's first weights come from: `kind` is imagenet, starter, random, file or hub."""

    kind: str
    source: str = ""


def parse_weights(value: str, backbone: Backbone) -> Weights:
    """Turn the value of --weights into Weights; `auto` stays open until ImageNet's weights were asked for.

    Raises TrainError for a file that is not there, or a starter that does not ship.
    """
    if value in ("imagenet", "random", "auto"):
        return Weights(value)
    if value == "starter":
        if backbone.starter is None:
            with_starter = [b.name for b in backbones.known().values() if b.starter]
            raise TrainError(
                f"no starter weights ship for {backbone.name}",
                fix=f"use --backbone {with_starter[0]}" if with_starter else "use --weights imagenet",
            )
        return Weights("starter", str(backbone.starter))
    path = Path(value)
    if value.startswith(("http://", "https://")) or path.is_dir() or value.endswith((".tar.gz", ".tgz")):
        return Weights("hub", value)
    if path.is_file():
        return Weights("file", value)
    raise TrainError(f"there is no weights file {value}", fix="give a .h5 file, a TF-Hub handle, imagenet, starter or random")


def build(backbone: Backbone, classes: int, weights: Weights | None) -> tuple[Any, Weights]:
    """The whole network, and the weights that were really used.

    Input float32 `[batch, side, side, 3]`, 0..255; outputs probabilities `[batch, classes]`, embedding `[batch, d]` and, where the
    backbone shows it, the feature map `[batch, h, w, d]`. `weights` None leaves them random, to be loaded by the caller.
    """
    tk = keras()
    image = tk.Input((backbone.side, backbone.side, 3), name="image")
    if weights is not None and weights.kind == "hub":
        scaled = tk.layers.Rescaling(1 / 255, name="scale")(image)
        embedding = _hub_layer(weights.source, backbone)(scaled)
        outputs = [_head(embedding, classes), embedding]
        return tk.Model(image, outputs, name="pagesight"), weights
    low, high = backbone.input_range
    scaled = tk.layers.Rescaling((high - low) / 255, low, name="scale")(image)
    body, used = _body(backbone, weights or Weights("random"))
    features = body(scaled)
    embedding = tk.layers.GlobalAveragePooling2D(name="embedding", dtype="float32")(features)
    return tk.Model(image, [_head(embedding, classes), embedding, features], name="pagesight"), used


@contextlib.contextmanager
def frozen(model: Any, part: int, *, norms: bool = False) -> Iterator[None]:
    """While the block runs, the backbone's layers up to the last whose maps are one `part`th of the side or larger do not learn.

    Nor does any batch norm with `norms`; those that are held work as in inference. `part` 0 holds no layer for its place. A
    backbone that shows no layers, from TF-Hub, learns as a whole.
    """
    body = next((layer for layer in model.layers if isinstance(layer, keras().Model)), None)
    layers = body.layers if body is not None else []
    large = [i for i, layer in enumerate(layers) if _map_side(layer) * part >= model.input_shape[1]]
    lower = layers[: max(large, default=-1) + 1]
    fixed = [layer for layer in layers if norms and isinstance(layer, keras().layers.BatchNormalization)]
    stopped = [layer for layer in {id(layer): layer for layer in lower + fixed}.values() if layer.trainable]
    for layer in stopped:
        layer.trainable = False
    try:
        yield
    finally:
        for layer in stopped:
            layer.trainable = True


def _map_side(layer: Any) -> int:
    """Height of the map that a layer gives; 0 where it gives none."""
    shape = layer.output_shape[0] if isinstance(layer.output_shape, list) else layer.output_shape
    return shape[1] if len(shape) == 4 else 0


def _head(embedding: Any, classes: int) -> Any:
    return keras().layers.Dense(classes, activation="softmax", name="head", dtype="float32")(embedding)


def _body(backbone: Backbone, weights: Weights) -> tuple[Any, Weights]:
    if weights.kind in ("imagenet", "auto"):
        return _imagenet(backbone), Weights("imagenet")
    body = _application(backbone, None)
    if weights.kind in ("file", "starter"):
        _load(body, weights.source, backbone)
    return body, weights


def save_weights(model: Any, file: Path) -> None:
    """Write the model's weights to `file`, named `*.weights.h5`, as `load_weights` reads them. Raises OSError for a full disk.

    HDF5 writes into memory: the library takes the whole process down with it where the disk under it fills up.
    """
    from tf_keras.src.saving import saving_lib

    archive = _OneFile()
    store = saving_lib.H5IOStore(file.name, archive=archive, mode="w")
    saving_lib._save_state(model, weights_store=store, assets_store=None, inner_path="", visited_trackables=set())
    store.close()
    file.write_bytes(archive.content)


class _OneFile:
    """As much of a zipfile.ZipFile as Keras asks for to store the one file of a model's weights."""

    content = b""

    def writestr(self, _name: str, content: bytes) -> None:
        self.content = content


def _load(body: Any, file: str, backbone: Backbone) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        handed = door.open_model(Path(file), Path(scratch)).result()
    try:
        if handed.facts["kind"] not in ("weights", "keras-h5"):
            raise ValueError("it is not an HDF5 file")
        keras_weights.into_layers(body, Group.of(handed.arrays, handed.facts["lists"]))
    except (ValueError, AdoptError) as cause:
        raise TrainError(
            f"{file} does not hold weights of {backbone.human}: {first_line(cause)}",
            fix="give the backbone that these weights belong to, and a file without its top (…_no_top.h5)",
        ) from cause


def _application(backbone: Backbone, weights: str | None) -> Any:
    if backbone.packaged is not None:
        model = efficientnet_lite0(backbone.side)
        if weights is not None:
            load_packaged(model, backbone.packaged)
        return model
    applications = keras().applications
    options: dict[str, Any] = {"input_shape": (backbone.side, backbone.side, 3), "include_top": False, "weights": weights}
    if backbone.family.startswith("MobileNetV3"):
        options["include_preprocessing"] = False
    return getattr(applications, backbone.family)(alpha=backbone.alpha, **options)


def downloads() -> Path:
    """The folder in which Keras keeps the weights that it has downloaded."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models"


def _imagenet(backbone: Backbone) -> Any:
    try:
        with _impatient_sockets(), contextlib.redirect_stdout(io.StringIO()):
            return _application(backbone, "imagenet")
    except Exception as cause:
        if _is_network(cause):
            raise TrainError(
                f"the ImageNet weights of {backbone.human} could not be downloaded (no network?)",
                fix="leave --backbone out, which takes EfficientNet-Lite0 (its weights are installed), or pass --weights FILE "
                "with a Keras Applications file; for hands, --weights starter",
            ) from cause
        if isinstance(cause, (OSError, KeyError)):
            raise TrainError(
                f"the ImageNet weights of {backbone.human} in {downloads()} cannot be read: {first_line(cause)}",
                fix="remove the damaged file there, so that it is downloaded again",
            ) from cause
        raise


def _is_network(cause: BaseException) -> bool:
    """True for what Keras, TF-Hub and urllib raise when an address cannot be reached."""
    return isinstance(cause, (URLError, TimeoutError, ConnectionError)) or "URL fetch failure" in str(cause)


@contextlib.contextmanager
def _impatient_sockets() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_DOWNLOAD_TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _hub_layer(handle: str, backbone: Backbone) -> Any:
    """A trainable TF-Hub feature vector that takes `[batch, side, side, 3]` in 0..1."""
    try:
        with _impatient_sockets(), tempfile.TemporaryDirectory() as scratch:
            source = hub.fetched(handle) if handle.startswith(("http://", "https://")) else Path(handle)
            layer = hub.layer(source, Path(scratch), trainable=True, name="hub")
            shape = layer.compute_output_shape((None, backbone.side, backbone.side, 3))
    except AdoptError:
        raise
    except Exception as cause:
        raise TrainError(
            f"{handle} cannot be used as a backbone of {backbone.side} px: {first_line(cause)}",
            fix="give a TF-Hub feature vector for images, and a --backbone of the same size",
        ) from cause
    if len(shape) != 2:
        raise TrainError(f"{handle} gives {shape}, not one vector per picture", fix="give a TF-Hub feature vector for images")
    return layer


def identity(weights: Weights, backbone: Backbone) -> dict[str, str]:
    """What names these weights in a manifest: their kind, and the hash of the file or the handle."""
    if weights.kind in ("file", "starter"):
        return {"kind": weights.kind, "sha256": manifest.sha256_file(Path(weights.source))}
    if weights.kind == "hub":
        local = Path(weights.source)
        if local.is_dir():
            return {"kind": "hub", "sha256": manifest.sha256_json(manifest.list_files(local))}
        return {"kind": "hub", "handle": weights.source, "cache": os.environ.get("TFHUB_CACHE_DIR", "")}
    return {"kind": weights.kind, "backbone": backbone.name}
