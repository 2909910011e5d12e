// The worker that every bundle starts with: the ops of MobileNets.
import "./runtime/lean_kernels.js";
import { LEAN_OPS } from "./runtime/lean_op_names.js";
import { serve } from "./serve.js";

serve((op) => LEAN_OPS.has(op));
