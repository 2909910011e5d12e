// The worker for graphs with MobileNets' ops in another order: TF.js' own executor with the kernels for them.
import "./runtime/lean_kernels.js";
import { LEAN_OPS } from "./runtime/lean_op_names.js";
import { Model } from "./runtime/model.js";
import { wasm } from "./runtime/wasm_backend.js";
import { serve } from "./serve.js";

serve((parts) => Model.load(parts, (op) => LEAN_OPS.has(op), wasm));
