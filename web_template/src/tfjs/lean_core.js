// @tensorflow/tfjs-core without gradients, optimizers, chained methods, storage and node: what a graph model needs to run.
import { env } from "@tensorflow/tfjs-core/dist/environment.js";
import "@tensorflow/tfjs-core/dist/flags.js";
import { buffer } from "@tensorflow/tfjs-core/dist/ops/buffer.js";
import { cast } from "@tensorflow/tfjs-core/dist/ops/cast.js";
import { clone } from "@tensorflow/tfjs-core/dist/ops/clone.js";
import { setOpHandler } from "@tensorflow/tfjs-core/dist/tensor.js";
import { isTypedArrayBrowser } from "@tensorflow/tfjs-core/dist/platforms/is_typed_array_browser.js";

import * as backend_util from "@tensorflow/tfjs-core/dist/backends/backend_util.js";
import * as broadcast_util from "@tensorflow/tfjs-core/dist/ops/broadcast_util.js";
import * as slice_util from "@tensorflow/tfjs-core/dist/ops/slice_util.js";
import * as util from "@tensorflow/tfjs-core/dist/util.js";
import { decodeWeights } from "@tensorflow/tfjs-core/dist/io/io_utils.js";

setOpHandler({ buffer, cast, clone, print: () => {} });
env().setPlatform("browser", {
  fetch: (path, init) => fetch(path, init),
  now: () => performance.now(),
  encode: (text) => new TextEncoder().encode(text),
  decode: (bytes, encoding) => new TextDecoder(encoding).decode(bytes),
  setTimeoutCustom: (run, delay) => setTimeout(run, delay),
  isTypedArray: isTypedArrayBrowser,
});

/** The part of tf.io that GraphModel calls when its files are handed to it. */
const io = { decodeWeights };

export { backend_util, broadcast_util, buffer, cast, clone, env, io, slice_util, util };
export { DataStorage, KernelBackend } from "@tensorflow/tfjs-core/dist/backends/backend.js";
export * from "@tensorflow/tfjs-core/dist/globals.js";
export * from "@tensorflow/tfjs-core/dist/kernel_names.js";
export * from "@tensorflow/tfjs-core/dist/kernel_registry.js";
export { Tensor } from "@tensorflow/tfjs-core/dist/tensor.js";
export { concat } from "@tensorflow/tfjs-core/dist/ops/concat.js";
export { reshape } from "@tensorflow/tfjs-core/dist/ops/reshape.js";
export { scalar } from "@tensorflow/tfjs-core/dist/ops/scalar.js";
export { slice } from "@tensorflow/tfjs-core/dist/ops/slice.js";
export { stack } from "@tensorflow/tfjs-core/dist/ops/stack.js";
export { tensor } from "@tensorflow/tfjs-core/dist/ops/tensor.js";
export { unstack } from "@tensorflow/tfjs-core/dist/ops/unstack.js";
