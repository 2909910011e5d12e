"""A SavedModel as float32.onnx and int8.onnx; runs in an environment of its own, see onnx-requirements.txt."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


class Squares(CalibrationDataReader):
    """Feeds the squares one by one, as the quantizer asks for them."""

    def __init__(self, inputs: np.ndarray, name: str) -> None:
        self._rest = iter({name: model_input[None].astype(np.float32)} for model_input in inputs)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next input, or None after the last."""
        return next(self._rest, None)


def main(folder: Path) -> None:
    """Write both files beside `folder/saved_model`; `folder/calibration.npy` calibrates int8."""
    inputs = np.load(folder / "calibration.npy")
    side = inputs.shape[1]
    plain, prepared = folder / "float32.onnx", folder / "prepared.onnx"
    command = [sys.executable, "-m", "tf2onnx.convert", "--saved-model", folder / "saved_model", "--output", plain, "--opset", "17"]
    subprocess.run(command, check=True)
    import onnxruntime

    name = onnxruntime.InferenceSession(plain).get_inputs()[0].name
    fix_batch = [sys.executable, "-m", "onnxruntime.tools.make_dynamic_shape_fixed", plain, plain, "--input_name", name]
    subprocess.run([*fix_batch, "--input_shape", f"1,{side},{side},3"], check=True)
    quant_pre_process(plain, prepared)
    quantize_static(
        prepared,
        folder / "int8.onnx",
        Squares(inputs, name),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    prepared.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
