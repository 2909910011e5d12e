"""Models that claim what cannot be: sizes, shapes, shards and ends of graphs; and folders without a model."""

import json
import struct
from pathlib import Path

from .sound import case, graph, h5, layer, manifest, network, tfjs


def saved_model(folder: Path, *nodes: tuple[str, str], resource: bool = False, objects: bool = True) -> Path:
    """A SavedModel's protocol buffer with some nodes in its graph."""
    from tensorflow.core.protobuf import saved_model_pb2

    document = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    result = document.meta_graphs.add()
    result.meta_info_def.tags.append("serve")
    for name, op in nodes:
        result.graph_def.node.add(name=name, op=op)
    if objects:
        result.object_graph_def.nodes.add().user_object.identifier = "_generic_user_object"
    if resource:
        result.object_graph_def.nodes.add().resource.device = ""
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(document.SerializeToString())
    return folder


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
    result = tfjs(folder / "m", weights=manifest(paths=["link.bin"]))
    (result / "link.bin").symlink_to(folder / "secret.bin")
    return result


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
    circle = {"name": "p", "op": "Identity", "input": ["p"], "attr": {"T": {"type": "DT_FLOAT"}}}
    result = graph(folder / "m", circle)
    document = json.loads((result / "model.json").read_text())
    document["modelTopology"]["node"] = [circle]  # nothing is fed, and nothing is last
    del document["signature"]
    (result / "model.json").write_text(json.dumps(document))
    return result


@case
def graph_that_reads_from_nowhere(folder: Path, canary: Path) -> Path:
    return graph(folder / "m", {"name": "p", "op": "Relu", "input": ["nowhere"], "attr": {"T": {"type": "DT_FLOAT"}}})


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
    result = tfjs(folder / "m")
    (result / "metadata.json").write_text('{"labels": [1, 2]}')
    return result
