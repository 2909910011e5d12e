"""The same model in formats for others: a layers model for the libraries of makers, a TFLite file for phones and small boards."""

from pathlib import Path

from pagesight.artifacts import WebModel
from pagesight.exporters.layers_model import write_layers_model
from pagesight.exporters.tflite import write_tflite

FOLDER = "also"
_PATHS = {"layers": f"{FOLDER}/layers/model.json", "tflite": f"{FOLDER}/model.tflite"}


def write_also(web: WebModel, formats: tuple[str, ...], bundle: Path) -> dict[str, str]:
    """Write `web` in each of `formats` (of `options.FORMATS`) below `bundle`; returns their paths there, by format.

    Raises BundleError where a format cannot express the model.
    """
    model_json = web.path / web.contract.model_path
    if "layers" in formats:
        write_layers_model(model_json, web.contract, bundle / FOLDER / "layers")
    if "tflite" in formats:
        write_tflite(model_json, web.contract, web.facts.storage.mode, bundle / FOLDER)
    return {name: path for name, path in _PATHS.items() if name in formats}
