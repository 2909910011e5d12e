"""HDF5, zip and tar that lead out of themselves, blow up, or end early."""

import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

import h5py
import numpy as np

from .sound import case, h5, keras_file, network


def tar(path: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for info, data in entries:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@case
def hdf5_link_to_another_file(folder: Path, canary: Path) -> Path:
    with h5py.File(h5(folder / "m.h5", network()), "a") as file:
        del file["model_weights/head/head/kernel:0"]
        file["model_weights/head/head/kernel:0"] = h5py.ExternalLink("/etc/secret.h5", "/kernel")
    return folder / "m.h5"


@case
def hdf5_data_in_another_file(folder: Path, canary: Path) -> Path:
    (folder / "secret").write_bytes(bytes(24))
    with h5py.File(h5(folder / "m.h5", network()), "a") as file:
        del file["model_weights/head/head/kernel:0"]
        where = [(str(folder / "secret"), 0, 24)]
        file["model_weights/head"].create_dataset("head/kernel:0", (3, 2), "f4", external=where)
    return folder / "m.h5"


@case
def hdf5_that_circles(folder: Path, canary: Path) -> Path:
    with h5py.File(h5(folder / "m.h5", network()), "a") as file:
        file["model_weights/head/again"] = file["model_weights"]
    return folder / "m.h5"


@case
def hdf5_bomb(folder: Path, canary: Path) -> Path:
    with h5py.File(h5(folder / "m.h5", network()), "a") as file:
        file.create_dataset("model_weights/head/big", (2**20, 2**12), "f4", chunks=(1024, 1024), compression="gzip")
    return folder / "m.h5"


@case
def h5_cut_short(folder: Path, canary: Path) -> Path:
    data = h5(folder / "m.h5", network()).read_bytes()
    (folder / "m.h5").write_bytes(data[: len(data) // 2])
    return folder / "m.h5"


@case
def h5_of_weights_alone(folder: Path, canary: Path) -> Path:
    with h5py.File(h5(folder / "m.h5", network()), "a") as file:
        del file.attrs["model_config"]
    return folder / "m.h5"


@case
def h5_config_that_is_no_json(folder: Path, canary: Path) -> Path:
    return h5(folder / "m.h5", "{'class_name': __import__('os')}")


@case
def json_nested_without_end(folder: Path, canary: Path) -> Path:
    (folder / "model.json").write_text('{"modelTopology":' + "[" * 200_000)
    return folder


@case
def weights_of_another_shape(folder: Path, canary: Path) -> Path:
    return h5(folder / "m.h5", network(), kernel=np.zeros((2, 3), np.float32))


@case
def weights_that_are_not_numbers(folder: Path, canary: Path) -> Path:
    return h5(folder / "m.h5", network(), kernel=np.full((3, 2), np.nan, np.float32))


@case
def zip_that_climbs_out(folder: Path, canary: Path) -> Path:
    with zipfile.ZipFile(folder / "m.zip", "w") as archive:
        archive.writestr(f"../../../../../../../..{canary}", b"escaped")
        archive.writestr("model.json", b"{}")
    return folder / "m.zip"


@case
def zip_with_an_absolute_path(folder: Path, canary: Path) -> Path:
    with zipfile.ZipFile(folder / "m.zip", "w") as archive:
        archive.writestr(str(canary), b"escaped")
    return folder / "m.zip"


@case
def zip_bomb(folder: Path, canary: Path) -> Path:
    with zipfile.ZipFile(folder / "m.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.json", bytes(80 * 1024**2))
    return folder / "m.zip"


@case
def keras_bomb(folder: Path, canary: Path) -> Path:
    with zipfile.ZipFile(folder / "m.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", bytes(100 * 1024**2))
        archive.writestr("model.weights.h5", b"")
    return folder / "m.keras"


@case
def zip_cut_short(folder: Path, canary: Path) -> Path:
    data = keras_file(folder / "m.keras", network()).read_bytes()
    (folder / "m.keras").write_bytes(data[:-40])
    return folder / "m.keras"


@case
def keras_without_weights(folder: Path, canary: Path) -> Path:
    with zipfile.ZipFile(folder / "m.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(network()))
        archive.writestr("metadata.json", "{}")
    return folder / "m.keras"


@case
def tar_that_climbs_out(folder: Path, canary: Path) -> Path:
    return tar(folder / "m.tar.gz", (entry(f"../../../../../../../..{canary}"), b"escaped"))


@case
def tar_with_a_link(folder: Path, canary: Path) -> Path:
    return tar(folder / "m.tar.gz", (entry("variables", tarfile.SYMTYPE, "/etc"), b""))


@case
def tar_with_a_device(folder: Path, canary: Path) -> Path:
    return tar(folder / "m.tar.gz", (entry("saved_model.pb", tarfile.CHRTYPE), b""))


@case
def tar_bomb(folder: Path, canary: Path) -> Path:
    return tar(folder / "m.tar.gz", (entry("saved_model.pb"), bytes(80 * 1024**2)))


@case
def tar_cut_short(folder: Path, canary: Path) -> Path:
    data = tar(folder / "m.tar.gz", (entry("saved_model.pb"), os.urandom(5000))).read_bytes()
    (folder / "m.tar.gz").write_bytes(data[:3000])
    return folder / "m.tar.gz"
