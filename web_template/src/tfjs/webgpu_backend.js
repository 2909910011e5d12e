// TF.js' WebGPU backend on a device of our own, so that its loss is seen.
import { getBackend, registerBackend, setBackend } from "@tensorflow/tfjs-core";
import { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu/dist/backend_webgpu.js";
import { PagesightError } from "../errors.js";
import { finite } from "./finite.js";

/** Those that TF.js' kernels ask the device for. */
const LIMITS = /** @type {const} */ ([
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupSizeX",
  "maxComputeInvocationsPerWorkgroup",
]);

/** Why the device is gone. @type {string | undefined} */
let lost;

/** @type {import("./model.js").Backend} */
export const webgpu = {
  name: "webgpu",
  async start() {
    const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) throw new PagesightError("model", "this browser gives no WebGPU adapter");
    const requiredLimits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
    const device = await adapter.requestDevice({ requiredLimits });
    void device.lost.then(({ message }) => (lost = message || "the WebGPU device was lost"));
    const { info } = /** @type {GPUAdapter & { info: GPUAdapterInfo }} */ (adapter);
    registerBackend("webgpu", () => new WebGPUBackend(device, info));
    await setBackend("webgpu");
    if (getBackend() !== "webgpu") throw new PagesightError("model", "WebGPU did not start in this browser");
    return info.description || `${info.vendor} ${info.architecture}`.trim();
  },
  async read(tensor) {
    const values = new Float32Array(await tensor.data());
    if (lost !== undefined) throw new PagesightError("model", lost);
    return finite(values);
  },
};
