"""Writes the hostile and broken models that adopt must refuse: each case is a folder here with expected_error.txt.

The files are made anew for every test run, so that each line below shows what is wrong with one; code in them would leave a
canary. A case is a function `name(folder, canary) -> the path to give to adopt`.
"""

import io
import json
import marshal
import os
import pickle
import struct
import tarfile
import zipfile
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Case = Callable[[Path, Path], Path]
CASES: dict[str, Case] = {}


def case(make: Case) -> Case:
    """Register a case under its function's name."""
    CASES[make.__name__.replace("_", "-")] = make
    return make


# What a sound file holds, to be spoiled in one place. ----------------------------------------------------------------------------


def layer(kind: str, name: str, reads: str | None, **config: Any) -> dict[str, Any]:
    """One layer as Keras 2 and TF.js write it."""
    return {
        "class_name": kind,
        "name": name,
        "config": {"name": name, **config},
        "inbound_nodes": [[[reads, 0, 0, {}]]] if reads else [],
    }


def network(*inside: dict[str, Any], shape: Any = (None, 8, 8, 3), last: str = "pool") -> dict[str, Any]:
    """Picture, `inside`, a head of two classes."""
    layers = [
        layer("InputLayer", "image", None, batch_input_shape=list(shape)),
        layer("Rescaling", "scale", "image", scale=1 / 255, offset=0.0),
        layer("GlobalAveragePooling2D", "pool", "scale"),
        *inside,
        layer("Dense", "head", last, units=2, activation="softmax"),
    ]
    config = {"name": "net", "layers": layers, "input_layers": [["image", 0, 0]], "output_layers": [["head", 0, 0]]}
    return {"class_name": "Functional", "config": config}


KERNEL, BIAS = np.eye(3, 2, dtype=np.float32), np.zeros(2, np.float32)


def h5(path: Path, document: Any, kernel: Any = KERNEL, bias: Any = BIAS) -> Path:
    """A `.h5` model; `document` may be text that is no JSON."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = document if isinstance(document, str) else json.dumps(document)
        file.attrs["keras_version"] = "2.21.0"
        head = file.create_group("model_weights/head")
        head.attrs["weight_names"] = [b"head/kernel:0", b"head/bias:0"]
        head["head/kernel:0"], head["head/bias:0"] = kernel, bias
    return path


def keras_file(path: Path, document: Any, *, kernel: Any = KERNEL, **members: bytes) -> Path:
    """A `.keras` model."""
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        file["layers/dense/vars/0"], file["layers/dense/vars/1"] = kernel, BIAS
    found = {
        "config.json": json.dumps(document).encode(),
        "metadata.json": b'{"keras_version": "3.15.1"}',
        "model.weights.h5": weights.getvalue(),
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**found, **{k.replace("__", "."): v for k, v in members.items()}}.items():
            archive.writestr(name, data)
    return path


def manifest(**changes: Any) -> list[dict[str, Any]]:
    """A weights manifest of one shard, with `changes` to its first weight or its paths."""
    paths = changes.pop("paths", ["weights.bin"])
    first = {"name": "head/kernel", "shape": [3, 2], "dtype": "float32", **changes}
    return [{"paths": paths, "weights": [first, {"name": "head/bias", "shape": [2], "dtype": "float32"}]}]


def tfjs(folder: Path, *, topology: Any = None, weights: Any = None, shard: bytes | None = None, **more: Any) -> Path:
    """A layers model."""
    folder.mkdir(exist_ok=True)
    document = {"format": "layers-model", "modelTopology": topology or network(), "weightsManifest": weights or manifest(), **more}
    (folder / "model.json").write_text(json.dumps(document))
    (folder / "weights.bin").write_bytes(KERNEL.tobytes() + BIAS.tobytes() if shard is None else shard)
    return folder


def graph(folder: Path, *nodes: dict[str, Any], **more: Any) -> Path:
    """A graph model of a placeholder and `nodes`."""
    image = {"name": "image", "op": "Placeholder", "attr": {"dtype": {"type": "DT_FLOAT"}, "shape": {"shape": {"dim": [
        {"size": "-1"}, {"size": "8"}, {"size": "8"}, {"size": "3"}]}}}}  # fmt: skip
    signature = {"inputs": {"image": {"name": "image:0"}}, "outputs": {"p": {"name": f"{nodes[-1]['name']}:0"}}}
    return tfjs(
        folder,
        topology={"node": [image, *nodes], "versions": {"producer": 1}, **more},
        weights=[{"paths": [], "weights": []}],
        signature=signature,
        format="graph-model",
    )


class Canary:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch '{self.path}'",)


def lambda_layer(canary: Path, name: str = "evil") -> dict[str, Any]:
    """A Lambda layer whose marshalled code writes the canary, as Keras 2 stores it."""
    code = compile(f"lambda x: (open({str(canary)!r}, 'w').close(), x)[1]", "<model>", "eval").co_consts[0]
    dumped = b64encode(marshal.dumps(code)).decode()
    return layer("Lambda", name, "pool", function=[dumped, None, None], function_type="lambda", module="builtins", arguments={})


# Code in Keras files. ------------------------------------------------------------------------------------------------------------


@case
def lambda_in_h5(folder: Path, canary: Path) -> Path:
    return h5(folder / "m.h5", network(lambda_layer(canary), last="evil"))


@case
def lambda_in_keras(folder: Path, canary: Path) -> Path:
    inner = lambda_layer(canary)["config"]
    code = {"class_name": "__lambda__", "config": {"value": inner["function"][0], "defaults": None, "closure": None}}
    return keras_file(folder / "m.keras", network(layer("Lambda", "evil", "pool", function=code), last="evil"))


@case
def lambda_in_a_network_inside(folder: Path, canary: Path) -> Path:
    inner = network(lambda_layer(canary), last="evil")
    return h5(folder / "m.h5", {"class_name": "Sequential", "config": {"name": "s", "layers": [inner]}})


@case
def lambda_in_layers_model(folder: Path, canary: Path) -> Path:
    return tfjs(folder / "m", topology=network(lambda_layer(canary), last="evil"))


@case
def custom_class_in_h5(folder: Path, canary: Path) -> Path:
    return h5(folder / "m.h5", network(layer("MyLayer", "mine", "pool", module="os"), last="mine"))


@case
def module_and_function_in_keras(folder: Path, canary: Path) -> Path:
    call = layer("function", "evil", "pool") | {"module": "os", "class_name": "system", "config": f"touch {canary}"}
    return keras_file(folder / "m.keras", network(call, last="evil"))


@case
def activation_that_is_code(folder: Path, canary: Path) -> Path:
    code = {"class_name": "__lambda__", "config": {"value": lambda_layer(canary)["config"]["function"][0]}}
    return keras_file(folder / "m.keras", network(layer("Activation", "evil", "pool", activation=code), last="evil"))


@case
def model_of_a_custom_class(folder: Path, canary: Path) -> Path:
    return keras_file(
        folder / "m.keras", {"class_name": "Popen", "module": "subprocess", "config": {"args": ["touch", str(canary)]}}
    )


@case
def wrapper_around_a_layer(folder: Path, canary: Path) -> Path:
    inner = lambda_layer(canary)
    return h5(folder / "m.h5", network(layer("TimeDistributed", "evil", "pool", layer=inner), last="evil"))


@case
def hub_layer_from_elsewhere(folder: Path, canary: Path) -> Path:
    return h5(folder / "m.h5", network(layer("KerasLayer", "hub", "pool", handle="https://example.org/evil"), last="hub"))


@case
def pickle_file(folder: Path, canary: Path) -> Path:
    (folder / "m.pkl").write_bytes(pickle.dumps(Canary(canary)))
    return folder / "m.pkl"


@case
def pickle_called_h5(folder: Path, canary: Path) -> Path:
    (folder / "m.h5").write_bytes(pickle.dumps(Canary(canary)))
    return folder / "m.h5"


@case
def pickle_in_keras(folder: Path, canary: Path) -> Path:
    return keras_file(folder / "m.keras", network(), model__weights__h5=pickle.dumps(Canary(canary)))


@case
def pickle_in_a_dataset(folder: Path, canary: Path) -> Path:
    return h5(folder / "m.h5", network(), kernel=np.void(pickle.dumps(Canary(canary))))


@case
def torch_file(folder: Path, canary: Path) -> Path:
    with zipfile.ZipFile(folder / "m.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Canary(canary)))
    return folder / "m.pt"


# HDF5. ---------------------------------------------------------------------------------------------------------------------------


@case
def hdf5_link_to_another_file(folder: Path, canary: Path) -> Path:
    with h5py.File(h5(folder / "m.h5", network()), "a") as file:
        del file["model_weights/head/head/kernel:0"]
        file["model_weights/head/head/kernel:0"] = h5py.ExternalLink("/etc/secret.h5", "/kernel")
    return folder / "m.h5"


@case
def hdf5_data_in_another_file(folder: Path, canary: Path) -> Path:
    (folder / "secret").write_bytes(bytes(24))
    with h5py.File(h5(folder / "m.h5", network()), "a") as file:
        del file["model_weights/head/head/kernel:0"]
        where = [(str(folder / "secret"), 0, 24)]
        file["model_weights/head"].create_dataset("head/kernel:0", (3, 2), "f4", external=where)
    return folder / "m.h5"


@case
def hdf5_that_circles(folder: Path, canary: Path) -> Path:
    with h5py.File(h5(folder / "m.h5", network()), "a") as file:
        file["model_weights/head/again"] = file["model_weights"]
    return folder / "m.h5"


@case
def hdf5_bomb(folder: Path, canary: Path) -> Path:
    with h5py.File(h5(folder / "m.h5", network()), "a") as file:
        file.create_dataset("model_weights/head/big", (2**20, 2**12), "f4", chunks=(1024, 1024), compression="gzip")
    return folder / "m.h5"


@case
def h5_cut_short(folder: Path, canary: Path) -> Path:
    data = h5(folder / "m.h5", network()).read_bytes()
    (folder / "m.h5").write_bytes(data[: len(data) // 2])
    return folder / "m.h5"


@case
def h5_of_weights_alone(folder: Path, canary: Path) -> Path:
    with h5py.File(h5(folder / "m.h5", network()), "a") as file:
        del file.attrs["model_config"]
    return folder / "m.h5"


@case
def h5_config_that_is_no_json(folder: Path, canary: Path) -> Path:
    return h5(folder / "m.h5", "{'class_name': __import__('os')}")


@case
def json_nested_without_end(folder: Path, canary: Path) -> Path:
    (folder / "model.json").write_text('{"modelTopology":' + "[" * 200_000)
    return folder


@case
def weights_of_another_shape(folder: Path, canary: Path) -> Path:
    return h5(folder / "m.h5", network(), kernel=np.zeros((2, 3), np.float32))


@case
def weights_that_are_not_numbers(folder: Path, canary: Path) -> Path:
    return h5(folder / "m.h5", network(), kernel=np.full((3, 2), np.nan, np.float32))


# Claims. -------------------------------------------------------------------------------------------------------------------------


@case
def layer_larger_than_its_file(folder: Path, canary: Path) -> Path:
    return h5(folder / "m.h5", network(layer("Dense", "big", "pool", units=9_000_000), last="big"))


@case
def map_larger_than_memory(folder: Path, canary: Path) -> Path:
    big = layer("UpSampling2D", "big", "scale", size=[9_000, 9_000])
    return h5(folder / "m.h5", network(big, layer("GlobalAveragePooling2D", "after", "big"), last="after"))


@case
def picture_of_huge_size(folder: Path, canary: Path) -> Path:
    return tfjs(folder / "m", topology=network(shape=(None, 10**9, 10**9, 3)))


@case
def layers_in_a_circle(folder: Path, canary: Path) -> Path:
    return h5(folder / "m.h5", network(layer("ReLU", "a", "b"), layer("ReLU", "b", "a"), last="b"))


@case
def two_layers_of_one_name(folder: Path, canary: Path) -> Path:
    return h5(folder / "m.h5", network(layer("ReLU", "a", "pool"), layer("ReLU", "a", "pool"), last="a"))


@case
def input_that_is_no_picture(folder: Path, canary: Path) -> Path:
    document = {"class_name": "Sequential", "config": {"name": "s", "layers": [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 3]}},
        {"class_name": "Dense", "config": {"name": "head", "units": 2}}]}}  # fmt: skip
    return h5(folder / "m.h5", document)


# Archives. -----------------------------------------------------------------------------------------------------------------------


def tar(path: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for info, data in entries:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@case
def zip_that_climbs_out(folder: Path, canary: Path) -> Path:
    with zipfile.ZipFile(folder / "m.zip", "w") as archive:
        archive.writestr(f"../../../../../../../..{canary}", b"escaped")
        archive.writestr("model.json", b"{}")
    return folder / "m.zip"


@case
def zip_with_an_absolute_path(folder: Path, canary: Path) -> Path:
    with zipfile.ZipFile(folder / "m.zip", "w") as archive:
        archive.writestr(str(canary), b"escaped")
    return folder / "m.zip"


@case
def zip_bomb(folder: Path, canary: Path) -> Path:
    with zipfile.ZipFile(folder / "m.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.json", bytes(80 * 1024**2))
    return folder / "m.zip"


@case
def keras_bomb(folder: Path, canary: Path) -> Path:
    with zipfile.ZipFile(folder / "m.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", bytes(100 * 1024**2))
        archive.writestr("model.weights.h5", b"")
    return folder / "m.keras"


@case
def zip_cut_short(folder: Path, canary: Path) -> Path:
    data = keras_file(folder / "m.keras", network()).read_bytes()
    (folder / "m.keras").write_bytes(data[:-40])
    return folder / "m.keras"


@case
def keras_without_weights(folder: Path, canary: Path) -> Path:
    with zipfile.ZipFile(folder / "m.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(network()))
        archive.writestr("metadata.json", "{}")
    return folder / "m.keras"


@case
def tar_that_climbs_out(folder: Path, canary: Path) -> Path:
    return tar(folder / "m.tar.gz", (entry(f"../../../../../../../..{canary}"), b"escaped"))


@case
def tar_with_a_link(folder: Path, canary: Path) -> Path:
    return tar(folder / "m.tar.gz", (entry("variables", tarfile.SYMTYPE, "/etc"), b""))


@case
def tar_with_a_device(folder: Path, canary: Path) -> Path:
    return tar(folder / "m.tar.gz", (entry("saved_model.pb", tarfile.CHRTYPE), b""))


@case
def tar_bomb(folder: Path, canary: Path) -> Path:
    return tar(folder / "m.tar.gz", (entry("saved_model.pb"), bytes(80 * 1024**2)))


@case
def tar_cut_short(folder: Path, canary: Path) -> Path:
    data = tar(folder / "m.tar.gz", (entry("saved_model.pb"), os.urandom(5000))).read_bytes()
    (folder / "m.tar.gz").write_bytes(data[:3000])
    return folder / "m.tar.gz"


# TF.js. --------------------------------------------------------------------------------------------------------------------------


@case
def shard_with_an_absolute_path(folder: Path, canary: Path) -> Path:
    return tfjs(folder / "m", weights=manifest(paths=["/etc/passwd"]))


@case
def shard_above_its_folder(folder: Path, canary: Path) -> Path:
    (folder / "secret.bin").write_bytes(bytes(32))
    return tfjs(folder / "m", weights=manifest(paths=["../secret.bin"]))


@case
def shard_from_the_network(folder: Path, canary: Path) -> Path:
    return tfjs(folder / "m", weights=manifest(paths=["https://example.org/weights.bin"]))


@case
def shard_that_links_out(folder: Path, canary: Path) -> Path:
    (folder / "secret.bin").write_bytes(bytes(32))
    found = tfjs(folder / "m", weights=manifest(paths=["link.bin"]))
    (found / "link.bin").symlink_to(folder / "secret.bin")
    return found


@case
def shard_missing(folder: Path, canary: Path) -> Path:
    return tfjs(folder / "m", weights=manifest(paths=["weights.bin", "more.bin"]))


@case
def shard_too_short(folder: Path, canary: Path) -> Path:
    return tfjs(folder / "m", shard=bytes(31))


@case
def shape_that_is_nan(folder: Path, canary: Path) -> Path:
    return tfjs(folder / "m", weights=manifest(shape=[float("nan"), 2]))


@case
def shape_below_zero(folder: Path, canary: Path) -> Path:
    return tfjs(folder / "m", weights=manifest(shape=[-3, -2]))


@case
def shape_of_huge_size(folder: Path, canary: Path) -> Path:
    return tfjs(folder / "m", weights=manifest(shape=[2**30, 2**30]))


@case
def scale_that_is_text(folder: Path, canary: Path) -> Path:
    return tfjs(folder / "m", weights=manifest(quantization={"dtype": "uint8", "min": "0", "scale": 1}), shard=bytes(14))


@case
def weight_of_an_odd_type(folder: Path, canary: Path) -> Path:
    return tfjs(folder / "m", weights=manifest(dtype="string"))


@case
def weight_listed_twice(folder: Path, canary: Path) -> Path:
    return tfjs(folder / "m", weights=manifest(name="head/bias"))


@case
def graph_that_writes_a_file(folder: Path, canary: Path) -> Path:
    return graph(folder / "m", {"name": "w", "op": "WriteFile", "input": ["image", "image"], "attr": {}})


@case
def graph_that_runs_python(folder: Path, canary: Path) -> Path:
    return graph(folder / "m", {"name": "w", "op": "PyFunc", "input": ["image"], "attr": {}})


@case
def graph_that_hides_an_op_in_a_function(folder: Path, canary: Path) -> Path:
    inner = {"signature": {"name": "f"}, "nodeDef": [{"name": "r", "op": "ReadFile"}]}
    return graph(folder / "m", {"name": "p", "op": "Identity", "input": ["image"], "attr": {}}, library={"function": [inner]})


@case
def graph_without_its_ends(folder: Path, canary: Path) -> Path:
    found = graph(folder / "m", {"name": "p", "op": "Identity", "input": ["image"], "attr": {}})
    document = json.loads((found / "model.json").read_text())
    del document["signature"]
    (found / "model.json").write_text(json.dumps(document))
    return found


@case
def graph_that_reads_from_nowhere(folder: Path, canary: Path) -> Path:
    return graph(folder / "m", {"name": "p", "op": "Relu", "input": ["nowhere"], "attr": {"T": {"type": "DT_FLOAT"}}})


# SavedModels and others. ---------------------------------------------------------------------------------------------------------


def saved_model(folder: Path, *nodes: tuple[str, str], resource: bool = False, objects: bool = True) -> Path:
    """A SavedModel's protocol buffer with some nodes in its graph."""
    from tensorflow.core.protobuf import saved_model_pb2

    document = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    found = document.meta_graphs.add()
    found.meta_info_def.tags.append("serve")
    for name, op in nodes:
        found.graph_def.node.add(name=name, op=op)
    if objects:
        found.object_graph_def.nodes.add().user_object.identifier = "_generic_user_object"
    if resource:
        found.object_graph_def.nodes.add().resource.device = ""
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(document.SerializeToString())
    return folder


@case
def saved_model_that_writes_a_file(folder: Path, canary: Path) -> Path:
    return saved_model(folder / "m", ("w", "WriteFile"))


@case
def saved_model_with_a_table(folder: Path, canary: Path) -> Path:
    return saved_model(folder / "m", resource=True)


@case
def saved_model_of_tensorflow_1(folder: Path, canary: Path) -> Path:
    return saved_model(folder / "m", objects=False)


@case
def saved_model_that_is_noise(folder: Path, canary: Path) -> Path:
    (folder / "m").mkdir()
    (folder / "m" / "saved_model.pb").write_bytes(struct.pack("<64I", *range(64)))
    return folder / "m"


@case
def saved_model_without_variables(folder: Path, canary: Path) -> Path:
    from tensorflow.core.protobuf import saved_model_pb2

    path = saved_model(folder / "m") / "saved_model.pb"
    document = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    variable = document.meta_graphs[0].object_graph_def.nodes.add().variable
    variable.dtype = 1
    variable.shape.dim.add().size = 2**40
    path.write_bytes(document.SerializeToString())
    return path.parent


@case
def folder_without_a_model(folder: Path, canary: Path) -> Path:
    (folder / "notes.txt").write_text("no model here")
    return folder


@case
def empty_file(folder: Path, canary: Path) -> Path:
    (folder / "m.h5").touch()
    return folder / "m.h5"


@case
def nothing_there(folder: Path, canary: Path) -> Path:
    return folder / "missing.keras"


@case
def metadata_without_labels(folder: Path, canary: Path) -> Path:
    found = tfjs(folder / "m")
    (found / "metadata.json").write_text('{"labels": [1, 2]}')
    return found
