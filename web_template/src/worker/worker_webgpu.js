// The worker that computes on the graphics card by WebGPU: loaded only when someone asks for it, after the first answer.
import "../tfjs/lean_kernels.js";
import { LEAN_OPS } from "../tfjs/lean_op_names.js";
import { Model } from "../tfjs/model.js";
import { webgpu } from "../tfjs/webgpu_backend.js";
import { serve } from "./serve.js";

serve((parts) => Model.load(parts, (op) => LEAN_OPS.has(op), webgpu));
