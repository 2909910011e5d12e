"""The same model in formats for others: a layers model for the libraries of makers, TFLite for phones and small boards, ONNX."""

from pathlib import Path

from pagesight.artifacts import WebModel
from pagesight.exporters import run_again
from pagesight.exporters.layers_model import write_layers_model
from pagesight.exporters.onnx import write_onnx
from pagesight.exporters.tflite import write_tflite

FOLDER = "also"
_PATHS = {"layers": f"{FOLDER}/layers/model.json", "tflite": f"{FOLDER}/model.tflite", "onnx": f"{FOLDER}/model.onnx"}


def write_also(web: WebModel, formats: tuple[str, ...], bundle: Path, tfjs: run_again.Tfjs) -> dict[str, str]:
    """Write `web` in each of `formats` (of `options.FORMATS`) below `bundle`; returns their paths there, by format.

    Each is run again in its own runtime: ONNX Runtime, the interpreter of TFLite, and TF.js by `tfjs`. Raises BundleError where
    a format cannot express the model, or what was written answers otherwise than the page.
    """
    if "onnx" in formats:
        run_again.onnx_runtime()
    model_json = web.path / web.contract.model_path
    if "layers" in formats:
        write_layers_model(model_json, web.contract, bundle / FOLDER / "layers")
        run_again.check_layers(bundle / _PATHS["layers"], web, tfjs)
    if "tflite" in formats:
        halved = write_tflite(model_json, web.contract, web.facts.storage.mode, bundle / FOLDER)
        run_again.check_tflite(bundle / _PATHS["tflite"], web, halved=halved)
    if "onnx" in formats:
        write_onnx(model_json, web.contract, bundle / FOLDER)
        run_again.check_onnx(bundle / _PATHS["onnx"], web)
    return {name: path for name, path in _PATHS.items() if name in formats}
