"""TFLite files: the flatbuffer read by TensorFlow's own schema, quantized numbers as the reals they stand for."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight.errors import AdoptError
from pagesight.graph.tensorflow import bare
from pagesight.importers.graph_builder import GraphBuilder
from pagesight.sandbox import Found

IDENTIFIER = b"TFL3"
_DAMAGE = (AttributeError, LookupError, TypeError, ValueError, ArithmeticError, RecursionError, struct.error)
"""What the schema's code and ours raise on a flatbuffer that is not what it claims."""
_AGAIN = "export it again, or give the model that it was made from"
_FLOAT32, _FLOAT16, _INT8, _UINT8 = 0, 1, 9, 3
_CODES: dict[int, Any] = {_INT8: np.int8, _UINT8: np.uint8, 7: np.int16}
"""Types of feature maps that are rounded."""
_DTYPES = {0: "<f4", 1: "<f2", 2: "<i4", 3: "|u1", 4: "<i8", 6: "|b1", 7: "<i2", 9: "|i1"}
_MAX_TENSORS = 100_000
_SAME = {0: b"SAME", 1: b"VALID"}
_ACTIVATIONS = {1: "RELU", 2: "RELU_N1_TO_1", 3: "RELU6", 4: "TANH"}
_UNARY = {
    "RELU": "Relu", "RELU6": "Relu6", "LOGISTIC": "Sigmoid", "TANH": "Tanh", "ELU": "Elu", "EXP": "Exp", "SQRT": "Sqrt",
    "RSQRT": "Rsqrt", "ABS": "Abs", "NEG": "Neg", "SQUARE": "Square", "LOG": "Log", "LOG_SOFTMAX": "LogSoftmax",
    "FLOOR": "Floor",
}  # fmt: skip
_BINARY = {
    "ADD": "AddV2", "SUB": "Sub", "MUL": "Mul", "DIV": "RealDiv", "MAXIMUM": "Maximum", "MINIMUM": "Minimum", "POW": "Pow",
    "SQUARED_DIFFERENCE": "SquaredDifference",
}  # fmt: skip
_REDUCTIONS = {"MEAN": "Mean", "SUM": "Sum", "REDUCE_MAX": "Max", "REDUCE_MIN": "Min", "REDUCE_PROD": "Prod"}


def open_file(path: Path) -> Found:
    """The model in a `.tflite` file as a graph of TensorFlow's ops. Raises AdoptError."""
    with bare("tensorflow"):
        from tensorflow.lite.python import schema_py_generated as schema
    try:
        model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
        reader = _Reader(model, schema)
        return reader.read()
    except AdoptError:
        raise
    except _DAMAGE as cause:
        raise AdoptError(
            f"{path} is damaged: {type(cause).__name__} where its graph is read", fix="copy or download it again"
        ) from cause


class _Reader:
    """One subgraph, read from its answer backwards: what only computes shapes is never looked at."""

    def __init__(self, model: Any, schema: Any) -> None:
        if not model.subgraphs:
            raise AdoptError("the model has no graph", fix=_AGAIN)
        self._model, self._graph, self._schema = model, model.subgraphs[0], schema
        if len(self._graph.tensors) > _MAX_TENSORS:
            raise AdoptError("the model has more than 100,000 tensors", fix="give a smaller model")
        codes = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
        self._names = [codes.get(max(c.builtinCode, c.deprecatedBuiltinCode), "?") for c in model.operatorCodes]
        self._customs = [c.customCode for c in model.operatorCodes]
        self._makers = {int(t): op for op in self._graph.operators for t in op.outputs}
        self._made: dict[int, str] = {}
        self._quantized = False

    def read(self) -> Found:
        if len(self._graph.inputs) != 1 or len(self._graph.outputs) != 1:
            counts = f"{len(self._graph.inputs)} inputs and has {len(self._graph.outputs)} outputs"
            raise AdoptError(f"the model takes {counts}", fix="give a classifier of one picture")
        source, answer = int(self._graph.inputs[0]), int(self._graph.outputs[0])
        shape = self._shape(source)
        if len(shape) != 4:
            raise AdoptError(f"the model takes an input of rank {len(shape)} ({shape}), not pictures", fix="give a picture model")
        self._g = GraphBuilder([None, *shape[1:]])
        told, self._made[source] = self._input(source)
        self._walk(answer)
        facts: dict[str, Any] = {"kind": "tflite", "input_range": told, "quantized": self._quantized}
        return self._g.finished(self._made[answer], [-1, *self._shape(answer)[1:]], **facts)

    def _input(self, source: int) -> tuple[str | None, str]:
        """Bytes 0..255 as the reals that they stand for; a float input as it is."""
        tensor = self._graph.tensors[source]
        if tensor.type == _FLOAT32:
            return None, self._g.image
        scale, zero = self._scales(tensor)
        if tensor.type not in (_INT8, _UINT8) or scale.size != 1:
            raise AdoptError("the model takes pictures of a type that is not supported", fix=_AGAIN)
        self._quantized = True
        zero = zero + (128 if tensor.type == _INT8 else 0)
        shifted = self._g.binary("Sub", self._g.image, self._g.const(np.float32(zero.reshape(()))))
        made = self._g.binary("Mul", shifted, self._g.const(np.float32(scale.reshape(()))))
        return "0..255", self._g.known(made, *(float((n - zero.item()) * scale.item()) for n in (0, 255)))

    def _walk(self, answer: int) -> None:
        stack, pushed = [answer], 0
        most = sum(len(operator.inputs) for operator in self._graph.operators)
        while stack:
            tensor = stack[-1]
            if tensor in self._made:
                stack.pop()
                continue
            operator = self._makers.get(tensor)
            if operator is None:
                raise AdoptError(f"the tensor {self._label(tensor)!r:.80} has no producer", fix=_AGAIN)
            waiting = [int(i) for i in self._reads(operator) if int(i) not in self._made]
            if waiting:
                pushed += len(waiting)
                if pushed > most:
                    raise AdoptError("the graph has a cycle", fix=_AGAIN)
                stack += waiting
                continue
            self._make(operator)

    def _reads(self, operator: Any) -> list[int]:
        """Inputs that are no constants and no shapes."""
        name = self._names[operator.opcodeIndex]
        inputs = [int(i) for i in operator.inputs if i >= 0 and self._constant(int(i)) is None]
        return inputs[:1] if name in ("RESHAPE", "MEAN", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR") else inputs

    def _make(self, operator: Any) -> None:
        name = self._names[operator.opcodeIndex]
        maker = _MAKERS.get(name)
        where = self._label(int(operator.outputs[0]))
        if maker is None:
            custom = self._customs[operator.opcodeIndex]
            called = f"{name} ({custom.decode('utf-8', 'replace')!r:.40})" if custom else name
            raise AdoptError(f"the TFLite op {called}, which computes {where!r:.120}, is not supported", fix=_AGAIN)
        made = maker(self, operator)
        for tensor, node in zip(operator.outputs, made if isinstance(made, list) else [made], strict=True):
            self._made[int(tensor)] = self._saturated(int(tensor), node)

    def _saturated(self, index: int, node: str) -> str:
        """A feature map within what its codes can say: TFLite's kernels clip to it, and converters leave out activations for it."""
        tensor = self._graph.tensors[index]
        scale, zero = self._scales(tensor)
        if tensor.type not in _CODES or not scale.size:
            return node
        if scale.size != 1 or zero.size != 1:
            raise AdoptError(f"the feature map {self._label(index)!r:.80} has a scale for each channel", fix=_AGAIN)
        codes, step = np.iinfo(_CODES[tensor.type]), abs(scale.item())
        low, high = sorted(float((n - zero.item()) * scale.item()) for n in (codes.min, codes.max))
        return self._g.clipped(node, low, high, slack=step)

    def _label(self, tensor: int) -> str:
        name = self._graph.tensors[tensor].name
        return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)

    def _shape(self, tensor: int) -> list[int]:
        shape = self._graph.tensors[tensor].shape
        return [] if shape is None else [int(n) for n in shape]

    def _scales(self, tensor: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        how = tensor.quantization
        if how is None or how.scale is None or not len(how.scale):
            return np.ones(0, np.float32), np.zeros(0)
        zero = np.asarray(how.zeroPoint if how.zeroPoint is not None else [0], np.float64)
        return np.asarray(how.scale, np.float64), zero

    def _constant(self, index: int) -> NDArray[Any] | None:
        """The numbers of a constant tensor, quantized ones as reals; None where it is computed."""
        if index in self._made:
            return None
        operator = self._makers.get(index)
        if operator is not None and self._names[operator.opcodeIndex] in ("DEQUANTIZE", "DENSIFY"):
            return self._constant(int(operator.inputs[0]))
        tensor = self._graph.tensors[index]
        data = self._model.buffers[tensor.buffer].data
        if operator is not None or data is None or tensor.type not in _DTYPES:
            return None
        value = np.asarray(data, np.uint8).tobytes()
        array = np.frombuffer(value, _DTYPES[tensor.type]).reshape(self._shape(index))
        scale, zero = self._scales(tensor)
        if scale.size and array.dtype.kind in "iu":
            self._quantized = True
            axis = [1] * array.ndim
            if scale.size > 1:
                axis[tensor.quantization.quantizedDimension] = scale.size
            zero = np.broadcast_to(zero, scale.shape)
            array = ((array - zero.reshape(axis)) * scale.reshape(axis)).astype(np.float32)
        return array.astype(np.float32) if array.dtype.kind == "f" else array

    def numbers(self, index: int) -> NDArray[Any]:
        """A constant that must be there."""
        value = self._constant(index)
        if value is None:
            raise AdoptError(f"the tensor {self._label(index)!r:.80} is computed, where a constant is expected", fix=_AGAIN)
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise AdoptError(
                f"the weight {self._label(index)!r:.80} contains NaN or infinity", fix="train the model again; it has diverged"
            )
        return value

    def tensor(self, index: int) -> str:
        """A computed tensor, or a constant, by its node."""
        return self._made[index] if index in self._made else self._g.const(self.numbers(index))

    def activated(self, x: str, kind: int) -> str:
        """What the op that comes with another makes of it."""
        if kind == 0:
            return x
        name = _ACTIVATIONS.get(kind)
        if name is None:
            raise AdoptError(f"the TFLite activation {kind} is not supported", fix=_AGAIN)
        if name == "RELU_N1_TO_1":
            return self._g.clipped(x, -1.0, 1.0)
        return self._g.unary(_UNARY[name], x)


def _convolution(r: _Reader, op: Any) -> str:
    how, kernel = op.builtinOptions, r.numbers(int(op.inputs[1]))
    channels = r._shape(int(op.inputs[0]))[3]
    name = r._names[op.opcodeIndex]
    strides, dilations = [how.strideH, how.strideW], [how.dilationHFactor or 1, how.dilationWFactor or 1]
    x, padding = r.tensor(int(op.inputs[0])), _SAME[how.padding]
    if name == "DEPTHWISE_CONV_2D":
        kernel = kernel.reshape(*kernel.shape[1:3], channels, kernel.shape[3] // channels)
        x = r._g.convolution(x, kernel, strides, padding, dilations, depthwise=True)
    else:
        kernel = kernel.transpose(1, 2, 3, 0)
        groups = channels // kernel.shape[2]
        width = kernel.shape[3] // groups
        parts = [x] if groups == 1 else r._g.split(x, [kernel.shape[2]] * groups, 3)
        kernels = [kernel[..., i * width : (i + 1) * width] for i in range(groups)]
        made = [r._g.convolution(p, k, strides, padding, dilations, depthwise=False) for p, k in zip(parts, kernels, strict=True)]
        x = made[0] if groups == 1 else r._g.concat(made, 3)
    return r.activated(_biased(r, op, x), how.fusedActivationFunction)


def _biased(r: _Reader, op: Any, x: str) -> str:
    return r._g.bias(x, r.numbers(int(op.inputs[2]))) if len(op.inputs) > 2 and op.inputs[2] >= 0 else x


def _fully_connected(r: _Reader, op: Any) -> str:
    kernel = r.numbers(int(op.inputs[1]))
    x = r.tensor(int(op.inputs[0]))
    if len(r._shape(int(op.inputs[0]))) != 2:
        x = r._g.reshape(x, [-1, kernel.shape[1]])
    x = _biased(r, op, r._g.matmul(x, r._g.const(kernel.T)))
    shape = r._shape(int(op.outputs[0]))
    x = r.activated(x, op.builtinOptions.fusedActivationFunction)
    return x if len(shape) == 2 else r._g.reshape(x, [-1, *shape[1:]])


def _pool(r: _Reader, op: Any) -> str:
    how = op.builtinOptions
    kind = "MaxPool" if r._names[op.opcodeIndex] == "MAX_POOL_2D" else "AvgPool"
    size, strides = [how.filterHeight, how.filterWidth], [how.strideH, how.strideW]
    return r.activated(r._g.pool(kind, r.tensor(int(op.inputs[0])), size, strides, _SAME[how.padding]), how.fusedActivationFunction)


def _unary(r: _Reader, op: Any) -> str:
    return r._g.unary(_UNARY[r._names[op.opcodeIndex]], r.tensor(int(op.inputs[0])))


def _binary(r: _Reader, op: Any) -> str:
    x = r._g.binary(_BINARY[r._names[op.opcodeIndex]], r.tensor(int(op.inputs[0])), r.tensor(int(op.inputs[1])))
    return r.activated(x, getattr(op.builtinOptions, "fusedActivationFunction", 0) or 0)


def _reshape(r: _Reader, op: Any) -> str:
    shape = r._shape(int(op.outputs[0]))
    return r._g.reshape(r.tensor(int(op.inputs[0])), [-1, *shape[1:]])


def _reduction(r: _Reader, op: Any) -> str:
    axes = [int(a) for a in r.numbers(int(op.inputs[1])).reshape(-1)]
    kind = _REDUCTIONS[r._names[op.opcodeIndex]]
    return r._g.reduce(kind, r.tensor(int(op.inputs[0])), axes, keep=bool(op.builtinOptions.keepDims))


def _hard_swish(r: _Reader, op: Any) -> str:
    x = r.tensor(int(op.inputs[0]))
    gate = r._g.unary("Relu6", r._g.binary("AddV2", x, r._g.const(np.float32(3))))
    return r._g.binary("Mul", r._g.binary("Mul", x, gate), r._g.const(np.float32(1 / 6)))


def _prelu(r: _Reader, op: Any) -> str:
    x, slope = r.tensor(int(op.inputs[0])), r.tensor(int(op.inputs[1]))
    below = r._g.binary("Minimum", x, r._g.const(np.float32(0)))
    return r._g.binary("AddV2", r._g.unary("Relu", x), r._g.binary("Mul", below, slope))


def _pad(r: _Reader, op: Any) -> str:
    value = float(r.numbers(int(op.inputs[2])).reshape(-1)[0]) if len(op.inputs) > 2 else 0.0
    return r._g.pad(r.tensor(int(op.inputs[0])), r.numbers(int(op.inputs[1])).tolist(), value)


def _resize(r: _Reader, op: Any) -> str:
    how, size = op.builtinOptions, r._shape(int(op.outputs[0]))[1:3]
    kind = "ResizeBilinear" if r._names[op.opcodeIndex] == "RESIZE_BILINEAR" else "ResizeNearestNeighbor"
    flags = {"align_corners": bool(how.alignCorners), "half_pixel_centers": bool(how.halfPixelCenters)}
    return r._g.add(kind, r.tensor(int(op.inputs[0])), r._g.const(np.asarray(size, np.int32)), T=("type", 1), **flags)


def _softmax(r: _Reader, op: Any) -> str:
    x = r.tensor(int(op.inputs[0]))
    if op.builtinOptions.beta not in (0.0, 1.0):
        x = r._g.binary("Mul", x, r._g.const(np.float32(op.builtinOptions.beta)))
    return r._g.unary("Softmax", x)


def _leaky(r: _Reader, op: Any) -> str:
    return r._g.add("LeakyRelu", r.tensor(int(op.inputs[0])), T=("type", 1), alpha=float(op.builtinOptions.alpha))


def _split(r: _Reader, op: Any) -> list[str]:
    axis = int(r.numbers(int(op.inputs[0])).reshape(-1)[0])
    sizes = [r._shape(int(o))[axis] for o in op.outputs]
    return r._g.split(r.tensor(int(op.inputs[1])), sizes, axis)


def _slice(r: _Reader, op: Any) -> str:
    starts = [int(n) for n in r.numbers(int(op.inputs[1]))]
    return r._g.slice(r.tensor(int(op.inputs[0])), starts, [-1, *r._shape(int(op.outputs[0]))[1:]])


_Maker = Callable[[_Reader, Any], "str | list[str]"]
_MAKERS: dict[str, _Maker] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "FULLY_CONNECTED": _fully_connected,
    "AVERAGE_POOL_2D": _pool,
    "MAX_POOL_2D": _pool,
    "RESHAPE": _reshape,
    "SQUEEZE": _reshape,
    "EXPAND_DIMS": _reshape,
    "SOFTMAX": _softmax,
    "HARD_SWISH": _hard_swish,
    "PRELU": _prelu,
    "LEAKY_RELU": _leaky,
    "PAD": _pad,
    "PADV2": _pad,
    "RESIZE_BILINEAR": _resize,
    "RESIZE_NEAREST_NEIGHBOR": _resize,
    "SPLIT": _split,
    "SLICE": _slice,
    "QUANTIZE": lambda r, op: r.tensor(int(op.inputs[0])),
    "DEQUANTIZE": lambda r, op: r.tensor(int(op.inputs[0])),
    "CONCATENATION": lambda r, op: r.activated(
        r._g.concat([r.tensor(int(i)) for i in op.inputs], op.builtinOptions.axis), op.builtinOptions.fusedActivationFunction
    ),
    "TRANSPOSE": lambda r, op: r._g.transpose(r.tensor(int(op.inputs[0])), r.numbers(int(op.inputs[1])).tolist()),
    "RELU_N1_TO_1": lambda r, op: r._g.clipped(r.tensor(int(op.inputs[0])), -1.0, 1.0),
    **dict.fromkeys(_UNARY, _unary),
    **dict.fromkeys(_BINARY, _binary),
    **dict.fromkeys(_REDUCTIONS, _reduction),
}
