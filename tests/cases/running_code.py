"""Code in models: none may run."""

import pickle
import zipfile
from pathlib import Path

import numpy as np

from .sound import Canary, case, h5, keras_file, lambda_layer, layer, network, tfjs


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
