// The worker that every bundle starts with: small, and for graphs that are a straight line of MobileNets' ops.
import { compileAhead } from "../wasm/kernels.js";
import { Plan } from "../wasm/plan.js";
import { serve } from "./serve.js";

serve(({ contract, json, weights }) => Plan.of(contract, json, weights));
// The model is still on its way.
compileAhead();
