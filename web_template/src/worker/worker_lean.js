// The worker for graphs with MobileNets' ops in another order: TF.js' own executor with the kernels for them.
import "../tfjs/lean_kernels.js";
import { LEAN_OPS } from "../tfjs/lean_op_names.js";
import { Model } from "../tfjs/model.js";
import { wasm } from "../tfjs/wasm_backend.js";
import { serve } from "./serve.js";

serve((parts) => Model.load(parts, (op) => LEAN_OPS.has(op), wasm));
