"""Layers of Keras that TF.js or tf-keras has no like of, written with what both have; their weights keep Keras' own order."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from pagesight.graph.tensorflow import keras, tensorflow
from pagesight.json_values import JsonValue

if TYPE_CHECKING:
    from tf_keras.layers import Layer

Settings = dict[str, "JsonValue | Callable[[Any], Any]"]
"""What a layer is made with, by Keras' names; an activation may be a function."""


@cache
def blocks() -> dict[str, "type[Layer]"]:
    """Layer classes by the class name in a file; made on first use, for TensorFlow is imported late."""
    return {layer.__name__: layer for layer in (_grouped(), _attention(), *_small())}


def _grouped() -> Any:
    tf, tk = tensorflow(), keras()

    class GroupedConv2D(tk.layers.Layer):  # type: ignore[misc, name-defined]
        """A convolution in groups, as one for each group: TF.js only has those of one group."""

        def __init__(
            self,
            *,
            groups: int,
            filters: int,
            kernel_size: Any,
            strides: Any = (1, 1),
            padding: str = "valid",
            dilation_rate: Any = (1, 1),
            use_bias: bool = True,
            activation: Any = None,
            data_format: str | None = None,  # noqa: ARG002 - channels first were refused before
            **common: Any,
        ) -> None:
            super().__init__(**common)
            self.groups, self.filters, self.kernel_size = groups, int(filters), kernel_size
            self.strides, self.padding, self.dilations = strides, padding.upper(), dilation_rate
            self.use_bias, self.activate = use_bias, tk.activations.get(activation)

        def build(self, shape: Any) -> None:
            inside = int(shape[-1]) // self.groups
            self.kernel = self.add_weight("kernel", (*self.kernel_size, inside, self.filters), initializer="zeros")
            self.bias = self.add_weight("bias", (self.filters,), initializer="zeros") if self.use_bias else None
            super().build(shape)

        def call(self, x: Any) -> Any:
            parts = zip(tf.split(x, self.groups, -1), tf.split(self.kernel, self.groups, -1), strict=True)
            done = [tf.nn.conv2d(p, kernel, self.strides, self.padding, dilations=self.dilations) for p, kernel in parts]
            x = tf.concat(done, -1)
            return self.activate(x if self.bias is None else x + self.bias)

    return GroupedConv2D


def _small() -> tuple[Any, ...]:
    tf, tk = tensorflow(), keras()

    class LayerScale(tk.layers.Layer):  # type: ignore[misc, name-defined]
        """ConvNeXt's: a learned scale for each channel."""

        def build(self, shape: Any) -> None:
            self.gamma = self.add_weight("gamma", (int(shape[-1]),), initializer="ones")
            super().build(shape)

        def call(self, x: Any) -> Any:
            return x * self.gamma

    class UnitNormalization(tk.layers.Layer):  # type: ignore[misc, name-defined]
        """Vectors of length one along an axis."""

        def __init__(self, axis: Any = -1, **common: Any) -> None:
            super().__init__(**common)
            self.axis = axis

        def call(self, x: Any) -> Any:
            return x * tf.math.rsqrt(tf.maximum(tf.reduce_sum(tf.square(x), axis=self.axis, keepdims=True), 1e-12))

    class RandomCrop(tk.layers.Layer):  # type: ignore[misc, name-defined]
        """What Keras 2 does when the model answers: resize the largest centered part of the wanted shape."""

        def __init__(self, height: int, width: int, **common: Any) -> None:
            super().__init__(**common)
            self.height, self.width = int(height), int(width)

        def call(self, x: Any) -> Any:
            height, width = int(x.shape[1]), int(x.shape[2])
            inside_height = min(height, int(width * self.height / self.width))
            inside_width = min(width, int(height * self.width / self.height))
            top, left = (height - inside_height) // 2, (width - inside_width) // 2
            return tf.image.resize(x[:, top : top + inside_height, left : left + inside_width], (self.height, self.width))

    return LayerScale, UnitNormalization, RandomCrop


def _attention() -> Any:
    tf, tk = tensorflow(), keras()

    class MultiHeadAttention(tk.layers.Layer):  # type: ignore[misc, name-defined]
        """Attention by matrix products; TF.js' WebAssembly has no Einsum."""

        def __init__(
            self, num_heads: int, key_dim: int, value_dim: int | None = None, use_bias: bool = True, **common: Any
        ) -> None:
            super().__init__(**common)
            self.heads, self.key_dim, self.value_dim, self.use_bias = num_heads, key_dim, value_dim or key_dim, use_bias

        def build(self, shape: Any) -> None:
            width = int((shape[0] if isinstance(shape, list) else shape)[-1])
            for name, size in (("query", self.key_dim), ("key", self.key_dim), ("value", self.value_dim)):
                setattr(self, f"{name}_kernel", self.add_weight(f"{name}/kernel", (width, self.heads, size), initializer="zeros"))
                if self.use_bias:
                    setattr(self, f"{name}_bias", self.add_weight(f"{name}/bias", (self.heads, size), initializer="zeros"))
            shape_out = (self.heads, self.value_dim, width)
            self.output_kernel = self.add_weight("attention_output/kernel", shape_out, initializer="zeros")
            if self.use_bias:
                self.output_bias = self.add_weight("attention_output/bias", (width,), initializer="zeros")
            super().build(shape)

        def _heads(self, x: Any, name: str, size: int) -> Any:
            """`[batch, heads, places, size]`."""
            width, places = int(x.shape[-1]), int(x.shape[1])
            kernel = tf.reshape(getattr(self, f"{name}_kernel"), (width, self.heads * size))
            result = tf.matmul(tf.reshape(x, (-1, width)), kernel)
            if self.use_bias:
                result = result + tf.reshape(getattr(self, f"{name}_bias"), (-1,))
            return tf.transpose(tf.reshape(result, (-1, places, self.heads, size)), (0, 2, 1, 3))

        def call(self, query: Any, value: Any, key: Any = None) -> Any:
            places, width = int(query.shape[1]), int(query.shape[-1])
            q = self._heads(query, "query", self.key_dim) * (self.key_dim**-0.5)
            k = self._heads(value if key is None else key, "key", self.key_dim)
            v = self._heads(value, "value", self.value_dim)
            mixed = tf.matmul(tf.nn.softmax(tf.matmul(q, k, transpose_b=True)), v)
            flat = tf.reshape(tf.transpose(mixed, (0, 2, 1, 3)), (-1, self.heads * self.value_dim))
            result = tf.matmul(flat, tf.reshape(self.output_kernel, (self.heads * self.value_dim, width)))
            return tf.reshape(result + self.output_bias if self.use_bias else result, (-1, places, width))

    return MultiHeadAttention
