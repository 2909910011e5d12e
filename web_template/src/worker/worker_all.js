// The worker for graphs with other ops than MobileNet's: all of TF.js' WASM kernels.
import "@tensorflow/tfjs-backend-wasm/dist/register_all_kernels.js";
import { Model } from "../tfjs/model.js";
import { wasm } from "../tfjs/wasm_backend.js";
import { serve } from "./serve.js";

serve((parts) => Model.load(parts, () => true, wasm));
