"""Runs a TF.js model made elsewhere in stock TF.js, in a browser: what it answers there is what a page must answer."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagesight import resources
from pagesight.browser import discovery, tabs
from pagesight.errors import PagesightError
from pagesight.importers import shards
from pagesight.importers.imported_model import TfjsFiles
from pagesight.importers.original import Answered, NoRuntime, NotRun
from pagesight.serve import serving

_WASM = "tfjs-backend-wasm-simd.wasm"
_BATCH = 8
_INPUTS = "inputs.bin"


@dataclass(frozen=True)
class StockTfjs:
    """A TF.js model that was read and not yet run."""

    files: TfjsFiles

    def ask(self, inputs: NDArray[np.float32]) -> Answered:
        """Its answers to `inputs`, `[n, side, side, channels]` in its own range. Raises NotRun, and NoRuntime without a browser."""
        found = discovery.find_all()
        if not found:
            raise NoRuntime(f"no browser was found to run TF.js in; {discovery.HOW_TO_GET}")
        with ThreadPoolExecutor(1) as own_thread:  # a notebook's event loop would forbid the driver's plain calls in this one
            return own_thread.submit(copy_context().run, self._asked, found[0], np.asarray(inputs, "<f4")).result()

    def _asked(self, browser: discovery.Browser, inputs: NDArray[np.float32]) -> Answered:
        task = {"answer": self.files.answer, "inputs": _INPUTS, "shape": list(inputs.shape), "batch": _BATCH}
        try:
            template = resources.web_template()
            extra = {**self._served(), _INPUTS: inputs.tobytes(), _WASM: (template / "static" / _WASM).read_bytes()}
            with serving(template / "original", extra=extra) as address, tabs.opened(browser) as tab:
                tab.goto(address)
                said: dict[str, Any] = tab.evaluate("(task) => globalThis.original.answers(task)", task)
        except (tabs.DriverError, PagesightError, OSError) as cause:
            raise NotRun(f"TF.js cannot run it: {str(cause).splitlines()[0][:160]}") from cause
        return Answered(f"TF.js {'.'.join(str(said['version']).split('.')[:2])}", np.asarray(said["rows"], np.float32))

    def _served(self) -> dict[str, bytes]:
        """The model's own files, by their addresses: shards by number, for browsers do not agree how to write every name."""
        folder = self.files.model_json.parent
        document = json.loads(self.files.model_json.read_bytes())
        served: dict[str, bytes] = {}
        for group in document["weightsManifest"]:
            named = {f"{len(served) + i}.bin": path for i, path in enumerate(shards.files([group], folder))}
            served |= {f"model/{number}": (folder / path).read_bytes() for number, path in named.items()}
            group["paths"] = list(named)
        return {"model/model.json": json.dumps(document).encode(), **served}
