"""SavedModels, ONNX and TFLite files that would do more than answer when they are loaded, and archives of misleading names."""

import zipfile
from pathlib import Path
from typing import Any

from .claims import saved_model
from .sound import case, h5, layer, network


def changed(folder: Path, change: Any) -> Path:
    """The SavedModel in `folder` after `change` was made to its MetaGraphDef."""
    from tensorflow.core.protobuf import saved_model_pb2

    document = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    change(document.meta_graphs[0])
    (folder / "saved_model.pb").write_bytes(document.SerializeToString())
    return folder


def hidden(op: str) -> Any:
    """A change that gives an object a function for its restoring, which holds a node of `op`."""

    def change(meta: Any) -> None:
        function = meta.graph_def.library.function.add()
        function.signature.name = "restore"
        function.node_def.add(name="does", op=op)
        meta.object_graph_def.concrete_functions["restore"].SetInParent()
        node = meta.object_graph_def.nodes.add()
        node.bare_concrete_function.concrete_function_name = "restore"
        restored = meta.object_graph_def.nodes.add()
        restored.user_object.identifier = "_generic_user_object"
        restored.saveable_objects["v"].restore_function = len(meta.object_graph_def.nodes) - 2

    return change


@case
def saved_model_that_saves_when_it_is_restored(folder: Path, canary: Path) -> Path:
    return changed(saved_model(folder / "m"), hidden("SaveV2"))


@case
def saved_model_that_writes_a_summary_when_it_is_restored(folder: Path, canary: Path) -> Path:
    return changed(saved_model(folder / "m"), hidden("CreateSummaryFileWriter"))


@case
def saved_model_that_loops_when_it_is_restored(folder: Path, canary: Path) -> Path:
    return changed(saved_model(folder / "m"), hidden("While"))


@case
def hub_layer_that_writes_a_file(folder: Path, canary: Path) -> Path:
    hub = saved_model(folder / "hub", ("w", "WriteFile"))
    return h5(folder / "m.h5", network(layer("KerasLayer", "hub", "pool", handle=str(hub)), last="hub"))


@case
def constant_that_grows_without_end(folder: Path, canary: Path) -> Path:
    def grow(meta: Any) -> None:
        value = meta.graph_def.node.add(name="c", op="Const").attr["value"].tensor
        value.tensor_shape.dim.add().size = 2**40
        value.float_val.append(1.0)

    return changed(saved_model(folder / "m"), grow)


@case
def zip_of_another_name_that_climbs_out(folder: Path, canary: Path) -> Path:
    with zipfile.ZipFile(folder / "m.model", "w") as archive:
        archive.writestr("first.txt", b"")
        archive.writestr(f"../../../../../../../..{canary}", b"escaped")
        archive.writestr("model.json", b"{}")
    return folder / "m.model"


@case
def onnx_weights_in_another_file(folder: Path, canary: Path) -> Path:
    from pagesight.importers.onnx_proto import messages

    model = messages().Model()
    model.opset_import.add(version=13)
    model.graph.node.add(op_type="Relu", input=["w"], output=["y"])
    weight = model.graph.initializer.add(name="w", dims=[3], data_type=1, data_location=1)
    weight.external_data.add(key="location", value="/etc/passwd")
    (folder / "m.onnx").write_bytes(model.SerializeToString())
    return folder / "m.onnx"


@case
def onnx_constant_that_grows_without_end(folder: Path, canary: Path) -> Path:
    from pagesight.importers.onnx_proto import messages

    model = messages().Model()
    model.opset_import.add(version=13)
    image = model.graph.input.add(name="image").type.tensor_type
    image.elem_type = 1
    for n in (1, 3, 8, 8):
        image.shape.dim.add(dim_value=n)
    model.graph.initializer.add(name="s", dims=[2], data_type=7, int64_data=[2**20, 2**20])
    model.graph.node.add(name="big", op_type="ConstantOfShape", input=["s"], output=["y"])
    model.graph.output.add(name="y")
    (folder / "m.onnx").write_bytes(model.SerializeToString())
    return folder / "m.onnx"


@case
def tflite_that_is_noise(folder: Path, canary: Path) -> Path:
    (folder / "m.tflite").write_bytes(b"\x1c\0\0\0TFL3" + bytes(range(256)))
    return folder / "m.tflite"
