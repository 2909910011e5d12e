"""The messages of ONNX files, as far as they are read and written; the package `onnx` brings a protobuf that TensorFlow cannot use.

Field numbers are those of onnx.proto3, which never change.
"""

from functools import cache
from types import SimpleNamespace
from typing import Any

_FIELDS = {
    "OperatorSet": "domain:1 string, version:2 int64",
    "Entry": "key:1 string, value:2 string",
    "Model": "ir_version:1 int64, producer_name:2 string, graph:7 Graph, opset_import:8 OperatorSet*, metadata_props:14 Entry*",
    "Graph": "node:1 Node*, name:2 string, initializer:5 Tensor*, input:11 ValueInfo*, output:12 ValueInfo*",
    "Node": "input:1 string*, output:2 string*, name:3 string, op_type:4 string, attribute:5 Attribute*, domain:7 string",
    "Attribute": "name:1 string, f:2 float, i:3 int64, s:4 bytes, t:5 Tensor, floats:7 float*, ints:8 int64*, strings:9 bytes*, "
    "type:20 int32",
    "Tensor": "dims:1 int64*, data_type:2 int32, float_data:4 float*, int32_data:5 int32*, int64_data:7 int64*, name:8 string, "
    "raw_data:9 bytes, double_data:10 double*, uint64_data:11 uint64*, external_data:13 Entry*, data_location:14 int32",
    "ValueInfo": "name:1 string, type:2 Type",
    "Type": "tensor_type:1 TensorType",
    "TensorType": "elem_type:1 int32, shape:2 Shape",
    "Shape": "dim:1 Dimension*",
    "Dimension": "dim_value:1 int64, dim_param:2 string",
}
_SCALARS = {"double": 1, "float": 2, "int64": 3, "uint64": 4, "int32": 5, "string": 9, "bytes": 12}
_MESSAGE, _OPTIONAL, _REPEATED = 11, 1, 3


@cache
def messages() -> Any:
    """The classes Model, Graph, Node, Attribute, Tensor, ValueInfo and others, by name."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="pagesight/onnx.proto", package="pagesight.onnx", syntax="proto3")
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for field in fields.split(", "):
            (label, number), kind = field.split()[0].split(":"), field.split()[1]
            repeated, kind = kind.endswith("*"), kind.rstrip("*")
            made = message.field.add(name=label, number=int(number), label=_REPEATED if repeated else _OPTIONAL)
            made.type = _SCALARS.get(kind, _MESSAGE)
            if made.type == _MESSAGE:
                made.type_name = f".pagesight.onnx.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"pagesight.onnx.{name}")) for name in _FIELDS}
    return SimpleNamespace(**found)
