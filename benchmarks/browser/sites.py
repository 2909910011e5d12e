"""The ways to serve a model, each as a folder that a static host can show."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import CACHE, HERE, ROOT
from .models import Model

PACKAGES = HERE / "node_modules"
_TF = "@tensorflow/tfjs/dist/tf.min.js"
_WASM = (
    "@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.min.js",
    "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm",
)
_IMAGE = "@teachablemachine/image/dist/teachablemachine-image.min.js"
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<link rel="icon" href="data:,">
{scripts}<script type="module">{module}</script>
</html>
"""


@dataclass(frozen=True, eq=False)
class Way:
    """One page: its module in pages/, what lies beside it from the peers' packages and from the model, and what is compiled in."""

    name: str
    title: str
    page: str
    packages: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    words: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    webgl: bool = False
    """Rendered in software where there is no GPU, seconds a picture: looked at a few times only."""


SHIPPED = Way("page", "Pagesight: the whole page", "", note="camera, gallery and model card included")
OURS = Way("pagesight", "Pagesight: its module in a page of one's own", "pagesight.js")
TODAY = Way("tfjs", "TF.js: tf.min.js, WASM, stock uint8 graph model", "tfjs.js", (_TF, *_WASM), ("graph",))
TEACHABLE = Way(
    "teachable",
    "Teachable Machine page, same weights, on WASM",
    "teachable.js",
    (_TF, *_WASM, _IMAGE),
    ("layers",),
    {"BACKEND": "wasm"},
)
TEACHABLE_WEBGL = Way(
    "teachable-webgl",
    "Teachable Machine page, same weights, as exported",
    "teachable.js",
    (_TF, _IMAGE),
    ("layers",),
    {"BACKEND": "webgl"},
    "takes WebGL, rendered in software where there is no GPU",
    webgl=True,
)
ML5 = Way("ml5", "ml5, same weights", "ml5.js", ("ml5/dist/ml5.min.js",), ("layers",), note="takes WebGL, as above", webgl=True)
_ORT = ("onnxruntime-web/dist/ort-wasm-simd-threaded.wasm",)
_LITERT = tuple(f"@litertjs/core/wasm/litert_wasm{kind}_internal.{end}" for kind in ("", "_compat") for end in ("js", "wasm"))
PEERS = (
    TODAY,
    TEACHABLE,
    TEACHABLE_WEBGL,
    ML5,
    *(Way(f"onnx-{p}", f"ONNX Runtime Web, {p}", "onnx.js", _ORT, (f"{p}.onnx",), {"PRECISION": p}) for p in ("float32", "int8")),
    *(Way(f"litert-{p}", f"LiteRT.js, {p}", "litert.js", _LITERT, (f"{p}.tflite",), {"PRECISION": p}) for p in ("float32", "int8")),
)
WAYS = (SHIPPED, OURS, *PEERS)
EXPORTS = (
    Way(
        "teachable-export",
        "Teachable Machine page, its own export, on WASM",
        "teachable.js",
        (_TF, *_WASM, _IMAGE),
        ("layers",),
        {"BACKEND": "wasm"},
        "MobileNetV2 0.35 at 224 px, 2.2 MB of weights (random)",
    ),
    Way(
        "ml5-export",
        "ml5, Teachable Machine's own export",
        "ml5.js",
        ("ml5/dist/ml5.min.js",),
        ("layers",),
        note="WebGL in software",
    ),
)
"""What Teachable Machine itself exports, whatever the pictures: for bytes and times only."""


def install_peers() -> None:
    """`npm ci` once; the peers' own install scripts are not run (ml5's fails, and none is needed)."""
    if (PACKAGES / ".package-lock.json").is_file():
        return
    subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund"], cwd=HERE, check=True, env=with_node()
    )


def with_node() -> dict[str, str]:
    """The environment with the checkout's Node first on its path."""
    return {**os.environ, "PATH": f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def assemble(way: Way, model: Model, into: Path, side: int | None = None) -> Path:
    """Write the folder of one way to serve `model`; raises FileNotFoundError where a file that it needs could not be made."""
    shutil.rmtree(into, ignore_errors=True)
    if way in (SHIPPED, OURS):
        shutil.copytree(model.bundle, into)
    else:
        into.mkdir(parents=True)
    shutil.copy(model.folder / "picture.jpg", into / "picture.jpg")
    if (model.folder / "pictures").is_dir():
        shutil.copytree(model.folder / "pictures", into / "pictures")
    if way is SHIPPED:
        return into
    for name in way.files:
        source = model.folder / name
        if source.is_dir():
            shutil.copytree(source, into / name)
        else:
            shutil.copy(source, into / name)
    for package in way.packages:
        shutil.copy(PACKAGES / package, into / Path(package).name)
    classic = [Path(p).name for p in way.packages if p.endswith(".min.js")]
    scripts = "".join(f'<script src="{name}"></script>\n' for name in classic)
    words = {"SIDE": side or model.side, "LABELS": list(model.labels), **way.words}
    page = _PAGE.format(title=way.title, scripts=scripts, module=_bundled(way.page, words))
    (into / "index.html").write_text(page, encoding="utf-8")
    return into


def _bundled(page: str, words: dict[str, Any]) -> str:
    """The module with what it imports, minified; constants of the model are compiled in, as a page's author would write them."""
    esbuild = ROOT / "web_template" / "node_modules" / ".bin" / "esbuild"
    defines = [f"--define:{name}={json.dumps(value)}" for name, value in words.items()]
    options = ["--bundle", "--minify", "--format=esm", "--target=es2022", "--log-level=error"]
    command = [esbuild, HERE / "pages" / page, *options, *defines]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=with_node())
    return done.stdout.replace("</script", "<\\/script")


def site_of(way: Way, model: Model) -> Path:
    """Where a way's folder lies."""
    return CACHE / "sites" / model.folder.stem / way.name
