"""Every way of storing the weights of a model made elsewhere: bytes, and answers kept on photographs, with and without calibration.

    python benchmarks/foreign.py MODEL PICTURES [MODE...] [--labels FILE|a,b,c]

MODEL is whatever `pagesight convert` reads, such as a Teachable Machine export; PICTURES a folder of photographs like those it will
see, labels or none. Every other picture is asked; for the last column the others calibrate, for the one before none does.
"""

import argparse
import tempfile
from pathlib import Path

from pagesight.adopt import Adoption, adopt
from pagesight.graph.model import GraphModel, Runner
from pagesight.options import MODES, Mode, Quantization
from pagesight.quantization.statistics import folder_inputs
from pagesight.quantize import quantize
from pagesight.records.quantization import Storage


def main(model: str, pictures: Path, modes: list[Mode], labels: str | None) -> None:
    """Print one row for each mode."""
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        saved = adopt(model, Adoption(labels=labels), work / "adopt")
        _, asked = folder_inputs(saved.contract.input, pictures)

        def answers(mode: Mode, calibrate: Path | None) -> tuple[Storage, list[int]]:
            web = quantize(saved, Quantization(mode), work / f"{mode}-{bool(calibrate)}", calibrate)
            runner = Runner(GraphModel.read(web.path / web.contract.model_path), [web.contract.outputs.probabilities])
            return web.facts.storage, list(runner(asked)[0].argmax(1))

        floats = answers("none", None)[1]
        print(f"{len(asked)} pictures\n{'mode':12} {'bytes':>10} {'of float':>9} {'kept alone':>11} {'calibrated':>11}")
        for mode in modes:
            facts, alone = answers(mode, None)
            _, calibrated = answers(mode, pictures)
            kept = [sum(a == b for a, b in zip(floats, rows, strict=True)) / len(floats) for rows in (alone, calibrated)]
            print(f"{mode:12} {facts.bytes:10} {facts.bytes / facts.float_bytes:9.2%} {kept[0]:11.2%} {kept[1]:11.2%}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("pictures", type=Path)
    parser.add_argument("modes", nargs="*", metavar="MODE", default=list(MODES))
    parser.add_argument("--labels")
    main(**vars(parser.parse_args()))
