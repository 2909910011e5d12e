// lean_core.js, and what the GPU backends ask of @tensorflow/tfjs-core besides.
import * as device_util from "@tensorflow/tfjs-core/dist/device_util.js";
import { whereImpl } from "@tensorflow/tfjs-core/dist/backends/where_impl.js";

const kernel_impls = { whereImpl };

export { device_util, kernel_impls };
export * from "./lean_core.js";
export { nextFrame } from "@tensorflow/tfjs-core/dist/browser_util.js";
export { sumOutType, upcastType } from "@tensorflow/tfjs-core/dist/types.js";
