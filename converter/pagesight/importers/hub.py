"""TF-Hub handles: an address in the cache (or fetched into it), and hub layers inside Keras files."""

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from pagesight import sandbox
from pagesight.errors import AdoptError
from pagesight.graph.nodes import reached
from pagesight.importers import archives, ops, saved_model_proto, saved_model_signature
from pagesight.importers.checkpoint import Checkpoint
from pagesight.importers.saved_model_proto import FILE_NAME
from pagesight.json_values import JsonObject
from pagesight.sandbox import Found

_HOSTS = re.compile(r"https://(www\.)?(tfhub\.dev|kaggle\.com)/")


def cached(handle: str) -> Path | None:
    """The folder in which TF-Hub keeps `handle`, where it was fetched before."""
    root = os.environ.get("TFHUB_CACHE_DIR") or str(Path(tempfile.gettempdir()) / "tfhub_modules")
    folder = Path(root) / hashlib.sha1(handle.encode(), usedforsecurity=False).hexdigest()
    return folder if (folder / FILE_NAME).is_file() else None


def fetched(handle: str) -> Path:
    """The folder of `handle`, fetched if need be. Raises AdoptError where it cannot be had."""
    from pagesight.graph.tensorflow import hub

    result = cached(handle)
    if result is not None:
        return result
    if not _HOSTS.match(handle):
        raise AdoptError(
            f"{handle} is not a TF-Hub handle", fix="give https://tfhub.dev/…, or download the model and give its folder"
        )
    try:
        return Path(hub().resolve(handle))
    except Exception as cause:  # urllib, tarfile and TensorFlow each raise their own
        raise AdoptError(
            f"the TF-Hub model {handle} could not be fetched",
            fix="check the address and the network, or set TFHUB_CACHE_DIR to a folder that holds it",
        ) from cause


def layer_of(config: JsonObject, name: str, scratch: Path) -> Any:
    """The hub layer that a Keras file names, from the cache or a folder alone: a file must not make this machine call out."""
    handle = str(config.get("handle"))
    folder = cached(handle) or (Path(handle) if Path(handle).is_absolute() else None)
    if folder is None or not (folder / FILE_NAME).is_file():
        raise AdoptError(
            f"the hub layer {handle!r:.160} is not on this machine",
            fix="set TFHUB_CACHE_DIR to a folder that holds it, or save the model as a SavedModel",
        )
    return layer(folder, scratch, trainable=config.get("trainable") is True, name=name)


def layer(source: Path, scratch: Path, *, trainable: bool, name: str) -> Any:
    """The SavedModel at `source` (a folder, or an archive of one) as a hub.KerasLayer; what it is loaded from is made in `scratch`.

    Raises AdoptError for one whose loading would do more than read variables, and what TF-Hub raises for one that is no layer.
    """
    from pagesight.graph.tensorflow import hub, tensorflow

    made = Path(tempfile.mkdtemp(dir=scratch))
    limits = sandbox.Limits.for_path(source)
    arguments = {"source": str(source.absolute())}
    job = sandbox.start("pagesight.importers.hub:write_loadable", arguments, made, what=str(source), limits=limits)
    tensorflow()  # imported while the other process reads
    folder = Path(job.result().facts["folder"])
    if not folder.is_relative_to(made.resolve()):
        (made / "variables").symlink_to((folder / "variables").resolve(), target_is_directory=True)
    return hub().KerasLayer(str(made if (made / FILE_NAME).is_file() else folder), trainable=trainable, name=name)


def write_loadable(source: str, scratch: Path) -> Found:
    """Write into `scratch` what of a SavedModel can be loaded without running anything but its network's own ops.

    What saves and restores it is left out, and every op left is one that TF.js or a training step has.
    """
    folder = Path(source)
    if folder.is_file():
        archives.unpack(folder, scratch / "unpacked")
        folder = next((p.parent for p in sorted((scratch / "unpacked").rglob(FILE_NAME))), scratch / "unpacked")
    document = saved_model_proto.parsed(folder)
    meta = document.meta_graphs[0]
    _keep_network(meta)
    checkpoint = Checkpoint.open(folder / "variables" / "variables")
    for key in saved_model_signature.keys_of(meta.object_graph_def, checkpoint.objects()).values():
        value = checkpoint.array(key)
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise AdoptError(f"the weight {key!r:.120} contains NaN or infinity", fix="train the model again; it has diverged")
    written = folder if folder.is_relative_to(scratch) else scratch
    (written / FILE_NAME).write_bytes(document.SerializeToString())
    return Found({"folder": str(folder)})


def _keep_network(meta: Any) -> None:
    functions = {f.signature.name: f for f in meta.graph_def.library.function}
    called = [name for node in meta.object_graph_def.nodes for name in _functions_of(node)]
    needed = reached(called, lambda name: saved_model_proto.calls_of(functions, name))
    kept = [f for name, f in functions.items() if name in needed]
    constants = [node for node in meta.graph_def.node if node.op == "Const"]
    ops.check(((node.op, node.name) for f in kept for node in f.node_def), more=ops.OF_TRAINING)
    del meta.graph_def.library.function[:], meta.graph_def.node[:], meta.graph_def.library.gradient[:]
    meta.graph_def.library.function.extend(kept)
    meta.graph_def.node.extend(constants)


def _functions_of(node: Any) -> list[str]:
    return [*node.function.concrete_functions, *filter(None, [node.bare_concrete_function.concrete_function_name])]
