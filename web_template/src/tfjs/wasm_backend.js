// TF.js' WASM backend, on a binary that has been checked.
import { engine, env, getBackend, setBackend } from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-wasm/dist/base.js";
import { PagesightError, asPagesightError } from "../errors.js";
import { useBinary } from "./wasm_factory.js";

const BINARY = "tfjs-backend-wasm-simd.wasm";

/** A module with one SIMD instruction, from GoogleChromeLabs/wasm-feature-detect. */
const SIMD_PROBE = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 9, 1, 7, 0, 65, 0, 253, 15, 26, 11],
);

/** @type {import("./model.js").Backend} */
export const wasm = {
  name: "tfjs-wasm",
  async start(files) {
    if (typeof WebAssembly !== "object") throw new PagesightError("no-wasm", "this browser has no WebAssembly");
    if (!WebAssembly.validate(SIMD_PROBE)) {
      throw new PagesightError("old-browser", "this browser's WebAssembly has no SIMD instructions: it is too old");
    }
    try {
      useBinary(await WebAssembly.compile(files[BINARY]));
      env().set("WASM_HAS_SIMD_SUPPORT", true);
      env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
      await setBackend("wasm");
    } catch (error) {
      throw asPagesightError(error, "no-wasm");
    }
    // setBackend answers false, or another backend, where it fails: only the name it ended up with can be trusted.
    if (getBackend() !== "wasm" || !engine().backendName) {
      throw new PagesightError("no-wasm", "WebAssembly did not start in this browser");
    }
    return "";
  },
  read: (tensor) => new Float32Array(tensor.dataSync()),
};
