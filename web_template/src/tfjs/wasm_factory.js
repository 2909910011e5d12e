// Emscripten's loader of TF.js' WASM binary, given a module that was compiled from checked bytes instead of an address.
import factory from "../../node_modules/@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.js";

/** @type {WebAssembly.Module | undefined} */
let compiled;

/** @param {WebAssembly.Module} module the next backend's binary */
export function useBinary(module) {
  compiled = module;
}

/**
 * @param {object} config what TF.js asks of the loader
 * @returns {Promise<object>} the Emscripten module
 */
export default function load(config) {
  return new Promise((resolve, reject) => {
    /**
     * @param {WebAssembly.Imports} imports
     * @param {(instance: WebAssembly.Instance, module: WebAssembly.Module) => void} ready
     */
    const instantiateWasm = (imports, ready) => {
      if (!compiled) throw new Error("useBinary() comes first");
      const module = compiled;
      WebAssembly.instantiate(module, imports).then((instance) => ready(instance, module), reject);
      return {};
    };
    factory({ ...config, instantiateWasm }).then(resolve, reject);
  });
}
