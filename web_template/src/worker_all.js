// The worker for graphs with other ops than MobileNet's: all of TF.js' WASM kernels.
import "@tensorflow/tfjs-backend-wasm/dist/register_all_kernels.js";
import { Model } from "./runtime/model.js";
import { wasm } from "./runtime/wasm_backend.js";
import { serve } from "./serve.js";

serve((parts) => Model.load(parts, () => true, wasm));
