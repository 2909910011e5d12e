// The worker that computes on the graphics card by WebGPU: loaded only when someone asks for it, after the first answer.
import "./runtime/lean_kernels.js";
import { LEAN_OPS } from "./runtime/lean_op_names.js";
import { Model } from "./runtime/model.js";
import { webgpu } from "./runtime/webgpu_backend.js";
import { serve } from "./serve.js";

serve((parts) => Model.load(parts, (op) => LEAN_OPS.has(op), webgpu));
