"""A network of Keras layers as the JSON that TF.js reads, built layer by layer without Keras."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight.json_values import JsonObject

LayerConfig = JsonObject
"""Arguments of a Keras layer's class, by name."""


@dataclass
class Network:
    """Layers in the order of computation, and the weights of each, named as TF.js asks for them."""

    layers: list[JsonObject] = field(default_factory=list)
    weights: dict[str, NDArray[Any]] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    """What the graph calls the weights that were taken over from it."""

    def add(self, kind: str, inputs: list[str], config: LayerConfig, **weights: NDArray[Any] | tuple[NDArray[Any], str]) -> str:
        """Append a layer of the Keras class `kind` that reads `inputs`; returns its name. Weights may bring theirs in the graph."""
        name = f"{kind.lower()}_{len(self.layers)}"
        self.layers.append(
            {
                "class_name": kind,
                "config": {"name": name, "trainable": True, "dtype": "float32", **config},
                "name": name,
                "inbound_nodes": [[[i, 0, 0, {}] for i in inputs]] if inputs else [],
            }
        )
        for key, value in weights.items():
            array, *origin = value if isinstance(value, tuple) else (value,)
            self.weights[f"{name}/{key}"] = array
            self.origins.update({f"{name}/{key}": graph_name for graph_name in origin})
        return name

    def activation(self, kind: str, source: str) -> str:
        """Append an activation that Keras knows by name."""
        return self.add("Activation", [source], {"activation": kind})

    def scaling(self, source: str, scale: NDArray[Any], offset: NDArray[Any]) -> str:
        """Append `x * scale + offset`, a number for each channel: a batch norm is the one layer that does this at any rank."""
        nothing, one = np.zeros(scale.size, np.float32), np.ones(scale.size, np.float32)
        values = {"gamma": scale.astype(np.float32), "beta": offset.astype(np.float32)}
        config = {"axis": -1, "epsilon": 0.0, "momentum": 0.99, "center": True, "scale": True}
        return self.add("BatchNormalization", [source], config, **values, moving_mean=nothing, moving_variance=one)

    def topology(self, image: str, answer: str) -> JsonObject:
        """`modelTopology` of model.json."""
        config: JsonObject = {
            "name": "model",
            "layers": self.layers,
            "input_layers": [[image, 0, 0]],
            "output_layers": [[answer, 0, 0]],
        }
        return {"keras_version": "2.1.6", "backend": "tensorflow", "model_config": {"class_name": "Model", "config": config}}
