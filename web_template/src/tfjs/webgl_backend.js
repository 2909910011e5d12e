// TF.js' WebGL backend on a context of our own, so that its loss is seen.
import { getBackend, registerBackend, setBackend } from "@tensorflow/tfjs-core";
import { MathBackendWebGL } from "@tensorflow/tfjs-backend-webgl/dist/backend_webgl.js";
import { setWebGLContext } from "@tensorflow/tfjs-backend-webgl/dist/canvas_util.js";
import { PagesightError } from "../errors.js";
import { finite } from "./finite.js";

/** @type {WebGL2RenderingContext | undefined} */
let context;

/** @type {import("./model.js").Backend} */
export const webgl = {
  name: "webgl",
  async start() {
    const options = { alpha: false, antialias: false, depth: false, stencil: false };
    const gl = new OffscreenCanvas(1, 1).getContext("webgl2", options);
    if (!gl) throw new PagesightError("model", "this browser gives no WebGL 2 context");
    context = gl;
    setWebGLContext(2, gl);
    registerBackend("webgl", () => new MathBackendWebGL());
    await setBackend("webgl");
    if (getBackend() !== "webgl") throw new PagesightError("model", "WebGL did not start in this browser");
    const names = gl.getExtension("WEBGL_debug_renderer_info");
    const renderer = String(gl.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
    // ANGLE (maker, card, driver)
    return renderer.replace(/^ANGLE \([^,]*, (.*), [^,]*\)$/, "$1");
  },
  read(tensor) {
    // In a worker, waiting for the answer costs nobody anything, and comes sooner than asking for it again and again.
    const values = new Float32Array(tensor.dataSync());
    if (context?.isContextLost()) throw new PagesightError("model", "the WebGL context was lost");
    return finite(values);
  },
};
