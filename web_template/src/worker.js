// The worker that every bundle starts with: small, and for graphs that are a straight line of MobileNets' ops.
import { compileAhead } from "./plan/kernels.js";
import { Plan } from "./plan/plan.js";
import { serve } from "./serve.js";

serve(({ contract, json, weights }) => Plan.of(contract, json, weights));
// The model is still on its way.
compileAhead();
