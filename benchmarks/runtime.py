"""A bundle's page against the page that people write today, on the same weights, in one browser, in turns.

    python benchmarks/runtime.py BUNDLE [--tfjs TF_MIN_JS] [--visits 15] [--answers 200]

Prints, for both: bytes over the wire with gzip up to the first answer, milliseconds from navigation to the first answer in a fresh
profile on localhost (median), and milliseconds for a warm forward pass (median). TF_MIN_JS is dist/tf.min.js of @tensorflow/tfjs;
without it the stock page loads the smaller bundles of core, converter and the WASM backend from web_template/node_modules.
"""

import argparse
import gzip
import json
import shutil
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

TFJS = Path(__file__).parents[1] / "web_template" / "node_modules" / "@tensorflow"
BUNDLES = (
    "tfjs-core/dist/tf-core.min.js",
    "tfjs-converter/dist/tf-converter.min.js",
    "tfjs-backend-wasm/dist/tf-backend-wasm.min.js",
)
STOCK = """<!doctype html><meta charset="utf-8"><title>stock</title>%(scripts)s
<script type="module">
  const picture = fetch("%(picture)s").then((response) => response.blob());
  tf.wasm.setWasmPaths("./");
  await tf.setBackend("wasm");
  if (tf.getBackend() !== "wasm") throw new Error(tf.getBackend());
  const model = await tf.loadGraphModel("model/model.json");
  const bitmap = await createImageBitmap(await picture);
  const answer = () => tf.tidy(() => {
    const square = tf.image.resizeBilinear(tf.browser.fromPixels(bitmap), [%(side)d, %(side)d]);
    return model.execute(square.expandDims(), "%(probabilities)s").dataSync();
  });
  answer();
  answered(performance.now());
  globalThis.warm = (count) => {
    const input = tf.zeros([1, %(side)d, %(side)d, 3]);
    return Array.from({ length: count }, () => {
      const started = performance.now();
      tf.tidy(() => model.execute(input, "%(probabilities)s").dataSync());
      return performance.now() - started;
    });
  };
</script>"""
OURS = """(() => {
  const picture = fetch("%(picture)s").then((response) => response.blob());
  document.addEventListener("pagesight-ready", async ({ detail: classifier }) => {
    await classifier.classify(await picture);
    answered(performance.now());
    globalThis.warm = async (count) => {
      const image = new ImageData(%(side)d, %(side)d);
      const times = [];
      while (times.length < count) times.push((await classifier.predictProbabilities(image)).milliseconds);
      return times;
    };
  });
})()"""


class Wire(ThreadingHTTPServer):
    """Serves one folder with gzip and counts what it sends."""

    daemon_threads = True
    sent = 0


@cache
def packed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), 9)


class Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".js": "text/javascript", ".wasm": "application/wasm"}  # noqa: RUF012

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file():
            self.send_error(404)
            return
        body = packed(path)
        self.server.sent += len(body)  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=600")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[Wire]:
    server = Wire(("127.0.0.1", 0), lambda *args: Handler(*args, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def stock_site(bundle: Path, into: Path, tfjs: Path | None, facts: dict[str, Any]) -> None:
    """The page that people write: TF.js from script tags, the same model, TF.js' own resizing."""
    shutil.copytree(bundle / "model", into / "model")
    shutil.copytree(bundle / "samples", into / "samples")
    wasm = TFJS / "tfjs-backend-wasm"
    scripts = [TFJS / name for name in BUNDLES] if tfjs is None else [tfjs, wasm / "dist" / "tf-backend-wasm.min.js"]
    for script in scripts:
        shutil.copy(script, into)
    for binary in (wasm / "wasm-out").glob("*.wasm"):
        shutil.copy(binary, into)
    tags = "".join(f'<script src="{script.name}"></script>' for script in scripts)
    (into / "index.html").write_text(STOCK % {**facts, "scripts": tags}, encoding="utf-8")


def visit(browser: Browser, server: Wire, script: str, answers: int) -> tuple[float, int, list[float]]:
    """One visit with nothing in the cache: milliseconds and bytes to the first answer, and the warm times."""
    context = browser.new_context(service_workers="block")
    page = context.new_page()
    page.add_init_script(f"globalThis.firstAnswer = new Promise((resolve) => (globalThis.answered = resolve));{script}")
    server.sent = 0
    page.goto(f"http://localhost:{server.server_port}/", wait_until="commit")
    first = page.evaluate("firstAnswer")
    sent = server.sent
    warm = page.evaluate("(count) => warm(count)", answers)
    context.close()
    return first, sent, warm[len(warm) // 3 :]


def main(bundle: Path, tfjs: Path | None, visits: int, answers: int) -> None:
    contract = json.loads((bundle / "contract.json").read_text(encoding="utf-8"))
    picture = contract["samples"][-1]["path"]
    facts = {"picture": picture, "side": contract["input"]["side"], "probabilities": contract["outputs"]["probabilities"]}
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        stock_site(bundle, Path(scratch), tfjs, facts)
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with serving(bundle) as ours, serving(Path(scratch)) as stock:
            sites = {"bundle": (ours, OURS % facts), "stock": (stock, "")}
            result: dict[str, list[tuple[float, int, list[float]]]] = {name: [] for name in sites}
            for _ in range(visits):
                for name, (server, script) in sites.items():
                    result[name].append(visit(browser, server, script, answers))
        browser.close()
    print(f"{'':8} {'KB gzip':>8} {'first answer ms':>16} {'warm ms':>8}")
    medians = {}
    for name, rows in result.items():
        first, sent = (statistics.median(row[i] for row in rows) for i in (0, 1))
        medians[name] = (sent / 1000, first, statistics.median(time for row in rows for time in row[2]))
        print("{:8} {:8.0f} {:16.0f} {:8.2f}".format(name, *medians[name]))
    print(
        "{:8} {:8.2f} {:16.2f} {:8.2f}".format("ratio", *(a / b for a, b in zip(medians["bundle"], medians["stock"], strict=True)))
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--tfjs", type=Path)
    parser.add_argument("--visits", type=int, default=15)
    parser.add_argument("--answers", type=int, default=200)
    main(**vars(parser.parse_args()))
