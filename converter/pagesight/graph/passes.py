"""Passes over a converted graph that change no answer: short stable names, weights in the order of use, no needless Pad."""

import json
import re
from typing import Any

import numpy as np

from pagesight.graph.layers import Layer, layers_of
from pagesight.graph.model import GraphModel, static_shapes
from pagesight.graph.nodes import GraphNode, Signature, encoded, leading_to, source


def tidied(model: GraphModel) -> GraphModel:
    """Give nodes short names (inputs and outputs by their meaning, the rest by op and number) and drop what TF.js never reads."""
    document = json.loads(json.dumps(model.document, sort_keys=True))  # Protobuf maps come in any order
    topology, signature = document["modelTopology"], document["signature"]
    signature["outputs"] = dict(sorted(signature["outputs"].items(), key=lambda item: (item[0] != "probabilities", item[0])))
    names = _short_names(topology["node"], signature)
    for node in topology["node"]:
        node["name"] = names[node["name"]]
        node.pop("experimentalDebugInfo", None)
        if "input" in node:
            node["input"] = [_renamed(i, names) for i in node["input"]]
        node["attr"] = {k: v for k, v in node.get("attr", {}).items() if not k.startswith("_")}
    for info in (*signature["inputs"].values(), *signature["outputs"].values()):
        info["name"] = _renamed(info["name"], names)
    if not topology.get("library"):
        topology.pop("library", None)
    by_name = {names[name]: value for name, value in model.weights.items() if name in names}
    used = [i for node in topology["node"] for i in node.get("input", []) if i in by_name]
    return GraphModel(document, {name: by_name[name] for name in dict.fromkeys([*used, *by_name])})


def _short_names(nodes: list[GraphNode], signature: Signature) -> dict[str, str]:
    """New names by old ones; constants are numbered in the order in which the other nodes read them."""
    names = {info["name"].split(":")[0]: key for side in (signature["outputs"], signature["inputs"]) for key, info in side.items()}
    operations = [node for node in nodes if node["op"] != "Const"]
    read = [source(i) for node in operations for i in node.get("input", [])]
    constants = {node["name"] for node in nodes} - {node["name"] for node in operations}
    for number, name in enumerate(dict.fromkeys(i for i in [*read, *sorted(constants)] if i in constants)):
        names.setdefault(name, f"c{number}")
    for number, node in enumerate(operations):
        names.setdefault(node["name"], f"{node['op'].lstrip('_')}_{number}")
    return names


def _renamed(reference: str, names: dict[str, str]) -> str:
    match = re.fullmatch(r"(\^?)([^:]+)(:\d+)?", reference)
    if match is None or match[2] not in names:
        return reference
    return f"{match[1]}{names[match[2]]}{match[3] or ''}"


def padding_folded(model: GraphModel) -> GraphModel:
    """Let a convolution pad for itself where the Pad before it does just what SAME would: one pass less over the picture."""
    pads = {name: n for name, n in model.nodes.items() if n["op"] == "Pad" and n["input"][1] in model.weights}
    readers = [layer for layer in layers_of(model) if layer.source in pads and not layer.same]
    if not readers:
        return model
    shapes = static_shapes(model, [pads[layer.source]["input"][0] for layer in readers])
    document = json.loads(json.dumps(model.document))
    by_name = {n["name"]: n for n in document["modelTopology"]["node"]}
    for layer in readers:
        pad = pads[layer.source]
        shape = shapes[pad["input"][0]]
        if _read_once(layer.source, model) and _as_same(layer, model.weights[pad["input"][1]], shape):
            by_name[layer.name]["input"][0] = pad["input"][0]
            by_name[layer.name]["attr"]["padding"]["s"] = encoded("SAME")
    return _pruned(GraphModel(document, model.weights))


def _read_once(name: str, model: GraphModel) -> bool:
    outputs = [o.split(":")[0] for o in model.output_names().values()]
    return name not in outputs and sum(name in node.get("input", []) for node in model.nodes.values()) == 1


def _as_same(layer: Layer, padding: Any, shape: tuple[int | None, ...]) -> bool:
    wanted = [(0, 0)]
    for size, kernel, stride, dilation in zip(shape[1:3], layer.shape, layer.stride, layer.dilation, strict=False):
        if size is None:
            return False
        total = max(0, (-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size)
        wanted.append((total // 2, total - total // 2))
    return bool(np.array_equal(np.asarray(padding), [*wanted, (0, 0)]))


def _pruned(model: GraphModel) -> GraphModel:
    """Without the nodes that no output needs."""
    ends = [i["name"] for side in ("inputs", "outputs") for i in model.document["signature"][side].values()]
    kept = leading_to(model.nodes, ends)
    model.document["modelTopology"]["node"] = [n for name, n in model.nodes.items() if name in kept]
    return GraphModel(model.document, {name: value for name, value in model.weights.items() if name in kept})
