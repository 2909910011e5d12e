"""Damages sound models in ways that their formats know, and looks whether the door says so: `make fuzz MINUTES=5`.

Every mutant is opened in a forked process with the door's own guards. Counted are mutants that are read, refused in a sentence,
refused because a parser failed in a way that nobody foresaw, ended for taking too much, and broken down; the last three are kept.

    python tools/fuzz.py [--minutes M | --count N] [--seed S] [--keep DIR]
"""

import argparse
import io
import json
import os
import random
import shutil
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "converter"), str(ROOT)]

import h5py  # noqa: E402
import numpy as np  # noqa: E402

from pagesight.errors import PagesightError  # noqa: E402
from pagesight.importers import door, tflite  # noqa: E402, F401 - imported once, for all forks
from pagesight.importers.onnx_proto import messages  # noqa: E402
from pagesight.sandbox.confinement import confine  # noqa: E402

Mutate = Callable[[Path, random.Random], None]
_STRANGE = [None, True, -1, 0, 2**31, 2**63, 1e308, "", "../x", "\0", "a" * 5000, [], {}, [[]], float("inf"), -(2**63)]
_MEMORY, _SECONDS = 2 * 1024**3, 60


def flip(path: Path, rng: random.Random) -> None:
    """A few bytes changed, cut out or repeated."""
    data = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 8)):
        if not data:
            break
        at = rng.randrange(len(data))
        kind = rng.randrange(5)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at : at + 4] = rng.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\x80", b"\xff\xff\xff\x7f"])
        elif kind == 2:
            del data[at : at + rng.randint(1, 64)]
        elif kind == 3:
            data[at:at] = data[at : at + rng.randint(1, 64)]
        else:
            data[at] = rng.randrange(256)
    path.write_bytes(data)


def strange_json(value: Any, rng: random.Random) -> Any:
    """A JSON value with one place in it replaced, removed or repeated."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        changed = {**value, key: strange_json(value[key], rng)}
        if rng.random() < 0.1:
            del changed[key]
        return changed
    if isinstance(value, list) and value and rng.random() < 0.9:
        at = rng.randrange(len(value))
        return [*value[:at], strange_json(value[at], rng), *value[at + (rng.random() < 0.9) :]]
    return rng.choice(_STRANGE)


def json_file(path: Path, rng: random.Random) -> None:
    """A JSON file with a strange place."""
    path.write_text(json.dumps(strange_json(json.loads(path.read_text()), rng)))


def protobuf(make: Callable[[], Any]) -> Mutate:
    """A protocol buffer with fields changed, at any depth."""

    def mutate(path: Path, rng: random.Random) -> None:
        message = make()
        message.ParseFromString(path.read_bytes())
        for _ in range(rng.randint(1, 3)):
            _change(message, rng)
        path.write_bytes(message.SerializeToString())

    return mutate


def _change(message: Any, rng: random.Random) -> None:
    fields = message.ListFields()
    if not fields:
        return
    field, value = rng.choice(fields)
    repeated = not isinstance(value, (int, float, str, bytes)) and hasattr(value, "__len__") and not hasattr(value, "ListFields")
    is_map = repeated and hasattr(value, "keys")
    if is_map:
        key = rng.choice(list(value.keys()))
        if rng.random() < 0.2 or not hasattr(value[key], "ListFields"):
            del value[key]
        else:
            _change(value[key], rng)
    elif repeated and field.message_type is not None:
        kind = rng.randrange(6)
        if kind == 0:
            del value[rng.randrange(len(value))]
        elif kind == 1:
            value.add().CopyFrom(rng.choice(list(value)))
        else:
            _change(rng.choice(list(value)), rng)
    elif repeated:
        _set(lambda v: value.__setitem__(rng.randrange(len(value)), v), value[0], rng)
    elif field.message_type is not None:
        _change(value, rng)
    else:
        _set(lambda v: setattr(message, field.name, v), value, rng)


def _set(put: Callable[[Any], None], value: Any, rng: random.Random) -> None:
    choices: list[Any]
    if isinstance(value, bytes):
        choices = [b"", b"\xff" * 100, value[:-1], value + value]
    elif isinstance(value, str):
        choices = ["", "nowhere", "x" * 5000, value + ":7", "^" + value]
    elif isinstance(value, float):
        choices = [0.0, -1.0, 1e38, float("nan")]
    else:
        choices = [0, 1, -1, 2**31 - 1, 2**40, -(2**31), value + 1]
    try:
        put(rng.choice(choices))
    except (ValueError, TypeError, OverflowError):
        put(value)


def hdf5(path: Path, rng: random.Random) -> None:
    """An attribute's JSON, a weight's shape or type, or a name changed by HDF5 itself; or its bytes."""
    if rng.random() < 0.3:
        flip(path, rng)
        return
    with h5py.File(path, "a") as file:
        found: list[str] = []
        file.visit(found.append)
        name, kind = rng.choice(found), rng.randrange(5)
        if kind == 0 and "model_config" in file.attrs:
            file.attrs["model_config"] = json.dumps(strange_json(json.loads(file.attrs["model_config"]), rng))
        elif kind == 1:
            del file[name]
        elif kind == 2:
            file[f"{name}_again"] = rng.choice([h5py.SoftLink("/nowhere"), h5py.ExternalLink("/etc/passwd", "/"), file[name]])
        elif isinstance(file[name], h5py.Dataset):
            shape = rng.choice([(), (0,), (2, 2, 2), (2**20, 2**14)])
            del file[name]
            file.create_dataset(name, shape, rng.choice(["f4", "i8", "f2", "S3"]), chunks=True if np.prod(shape) > 9 else None)
        else:
            file[name].attrs["weight_names"] = rng.choice([[b"x"], [b"../x"] * 3, [b"\xff"]])


def zip_members(inside: dict[str, Mutate]) -> Mutate:
    """A zip archive with one member damaged by its own format, renamed, doubled or gone; or its bytes."""

    def mutate(path: Path, rng: random.Random) -> None:
        if rng.random() < 0.3:
            flip(path, rng)
            return
        with zipfile.ZipFile(path) as source:
            members = {name: source.read(name) for name in source.namelist()}
        name, kind = rng.choice(list(members)), rng.randrange(6)
        if kind == 0:
            members[rng.choice(["../x", "/x", "a/../../x", "C:\\x", "x" * 300])] = members.pop(name)
        elif kind == 1:
            del members[name]
        else:
            with tempfile.TemporaryDirectory() as scratch:
                member = Path(scratch) / "member"
                member.write_bytes(members[name])
                next((m for suffix, m in inside.items() if name.endswith(suffix)), flip)(member, rng)
                members[name] = member.read_bytes()
        with zipfile.ZipFile(path, "w", rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as target:
            for key, data in members.items():
                target.writestr(key, data)

    return mutate


def samples(into: Path) -> dict[str, tuple[Path, str, Mutate]]:
    """Sound models by format: the path to give, the file in it to damage, and how."""
    from tests.cases import sound
    from tests.test_other_formats import as_torch_writes

    from pagesight.graph.tensorflow import bare

    with bare("tensorflow"):
        from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
    into.mkdir(parents=True)
    layers = sound.tfjs(into / "tfjs")
    graph = sound.graph(into / "graph", {"name": "p", "op": "Relu", "input": ["image"], "attr": {"T": {"type": "DT_FLOAT"}}})
    archived = into / "archived.zip"
    with zipfile.ZipFile(archived, "w") as archive:
        for file in sorted(layers.iterdir()):
            archive.write(file, file.name)
    packed = into / "packed.tar.gz"
    with tarfile.open(packed, "w:gz") as tar:
        for file in sorted(layers.iterdir()):
            info = tarfile.TarInfo(file.name)
            info.size = file.stat().st_size
            tar.addfile(info, io.BytesIO(file.read_bytes()))
    found = {
        "h5": (sound.h5(into / "m.h5", sound.network()), "", hdf5),
        "keras": (sound.keras_file(into / "m.keras", sound.network()), "", zip_members({".h5": hdf5, ".json": json_file})),
        "tfjs-layers": (layers, "model.json", json_file),
        "tfjs-graph": (graph, "model.json", json_file),
        "zip": (archived, "", zip_members({".json": json_file})),
        "tar": (packed, "", flip),
        "onnx": (as_torch_writes(into / "m.onnx"), "", protobuf(messages().Model)),
        "onnx-bytes": (as_torch_writes(into / "b.onnx"), "", flip),
    }
    made = ROOT / "build" / "fuzz"
    for name in ("saved_model", "model.tflite"):
        if (made / name).exists():
            found[name] = (made / name, "saved_model.pb" if name == "saved_model" else "", flip)
    if (made / "saved_model").exists():
        found["saved_model-fields"] = (made / "saved_model", "saved_model.pb", protobuf(SavedModel))
        found["checkpoint"] = (made / "saved_model", "variables/variables.index", flip)
    return found


def opened(path: Path, scratch: Path) -> str:
    """What becomes of a mutant, opened in a forked process with the door's guards."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        try:
            confine(scratch, memory=_MEMORY, seconds=_SECONDS, file_bytes=_MEMORY)
            door.look_into(str(path), str(path), None, None, scratch)
            said = "read"
        except PagesightError:
            said = "refused"
        except MemoryError:
            said = "too much"
        except BaseException as cause:
            said = f"not foreseen: {type(cause).__name__}: {str(cause)[:90]}"
        os.write(writing, said.encode("utf-8", "replace"))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read().decode()
    _, status = os.waitpid(pid, 0)
    return told if os.WIFEXITED(status) and told else f"broke down: status {status}"


def fuzz(seed: int, keep: Path | None, go_on: Callable[[int], bool]) -> Counter[str]:
    """Open mutants while `go_on(number)`; returns how many ended in which way."""
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        sound = samples(work / "sound")
        number = 0
        while go_on(number):
            name = list(sound)[number % len(sound)]
            rng = random.Random(f"{seed}-{number}")
            source, inside, mutate = sound[name]
            mutant, scratch = work / "mutant" / source.name, work / "scratch"
            for made in (mutant.parent, scratch):
                shutil.rmtree(made, ignore_errors=True)
                made.mkdir()
            (shutil.copytree if source.is_dir() else shutil.copyfile)(source, mutant)
            mutate(mutant / inside if inside else mutant, rng)
            before = sorted(work.rglob("*"))
            said = opened(mutant, scratch)
            if [p for p in sorted(work.rglob("*")) if p not in before and scratch not in p.parents]:
                said = "wrote outside"
            found[said] += 1
            if said not in ("read", "refused"):
                print(f"{name} {number}: {said}", flush=True)
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    (shutil.copytree if mutant.is_dir() else shutil.copyfile)(mutant, keep / f"{number}-{mutant.name}")
            number += 1
    return found


def main() -> None:
    """Fuzz, print the sums, and fail where a mutant did anything but be read or be refused."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    end = time.monotonic() + 60 * given.minutes
    go_on = (lambda n: n < given.count) if given.count is not None else (lambda _: time.monotonic() < end)
    found = fuzz(given.seed, given.keep, go_on)
    print(f"{found.total()} mutants: " + ", ".join(f"{count} {said}" for said, count in found.most_common()))
    sys.exit(bool(found.keys() - {"read", "refused"}))


if __name__ == "__main__":
    main()
