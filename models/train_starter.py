"""Train the starter backbone that ships in models/: from ImageNet's weights, on photographed and on rendered hands.

    python models/train_starter.py PHOTOS [--weights FILE] [--work DIR]

PHOTOS holds one folder per digit of `signerNNN_MMMM.jpg`. Every fifth signer, in the order of their names, is kept out of all
training. Writes models/mobilenet_v1_025_128.starter.h5: the backbone without its top, float16, in the layout of Keras
Applications, so that `load_weights` takes it. The same pictures, weights and versions give the same bytes.
"""

import argparse
import re
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pagesight import backbones
from pagesight.graph.tensorflow import keras
from pagesight.hands import render_folder
from pagesight.options import Scanning, Training
from pagesight.scan import scan
from pagesight.train import train
from pagesight.training import network

BACKBONE = "mobilenet_v1_025_128"
GROUP = r"(?:rendered-)?signer\d+"
PER_CLASS, SIGNERS, SEED = 160, 80, 1000
EVERY = 5
HERE = Path(__file__).resolve().parent


def held_out(photos: Path) -> list[str]:
    """The signers that no starter has seen: every fifth one."""
    names = {result[0] for path in photos.glob("*/*") if (result := re.search(r"signer\d+", path.name))}
    return sorted(names)[::EVERY]


def gather(photos: Path, rendered: Path, into: Path) -> None:
    """Link the photographs of the other signers and the rendered pictures into one folder per class."""
    away = set(held_out(photos))
    for path in sorted(photos.glob("*/*")):
        result = re.search(r"signer\d+", path.name)
        if result is None or result[0] not in away:
            _link(path, into / path.parent.name / path.name)
    for path in sorted(rendered.glob("*/*")):
        _link(path, into / path.parent.name / f"rendered-{path.name}")


def _link(path: Path, link: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.exists():
        link.symlink_to(path.resolve())


def write_half(body: Any, file: Path, scratch: Path) -> None:
    """Save `body`'s weights in Keras' HDF5 layout, its numbers as float16."""
    body.save_weights(scratch)
    with h5py.File(scratch, "r") as full, h5py.File(file, "w") as half:

        def copy(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                half.create_dataset(name, data=item[()].astype(np.float16))
            else:
                half.require_group(name).attrs.update(item.attrs)

        half.attrs.update(full.attrs)
        full.visititems(copy)


def main() -> None:
    """Parse the command line and do the work; what is there already in --work is used again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--weights", default="imagenet", help="ImageNet weights, where Keras cannot download them")
    parser.add_argument("--work", type=Path, default=HERE.parent / "build" / "starter")
    given = parser.parse_args()
    rendered, pictures = given.work / "rendered", given.work / "pictures"
    render_folder(rendered, per_class=PER_CLASS, subjects=SIGNERS, seed=SEED)
    gather(given.photos, rendered, pictures)
    dataset = scan(pictures, Scanning(group_by=GROUP, test=0.1, validation=0.1), given.work / "scan")
    trained = train(dataset, Training(backbone=BACKBONE, weights=given.weights, epochs=8), given.work / "trained")
    backbone = backbones.named(BACKBONE)
    model, _ = network.build(backbone, len(dataset.labels), None)
    model.load_weights(trained.path / trained.WEIGHTS_FILE)
    body = next(layer for layer in model.layers if isinstance(layer, keras().Model))
    write_half(body, HERE / f"{BACKBONE}.starter.h5", given.work / "body.h5")
    sys.stdout.write(f"accuracy on signers of the test side: {trained.facts.accuracy}\n")
    sys.stdout.write(f"held out: {' '.join(held_out(given.photos))}\n")


if __name__ == "__main__":
    main()
