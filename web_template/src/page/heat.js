// The heat map: where in the picture the model saw its answer, laid over the stage.
import { byId } from "./elements.js";

/** From clear through orange to light yellow: dark to light, so that it reads without color vision. */
const RAMP = [
  [80, 10, 60, 0],
  [190, 40, 60, 120],
  [250, 140, 30, 165],
  [255, 240, 150, 190],
];

export class HeatMap {
  #canvas = byId("heat", HTMLCanvasElement);
  #toggle = byId("heat-toggle", HTMLButtonElement);
  #on = false;

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.#toggle.addEventListener("click", () => {
      this.#on = !this.#on;
      this.#toggle.setAttribute("aria-pressed", String(this.#on));
      if (!this.#on) this.clear();
      onChange();
    });
  }

  get on() {
    return this.#on;
  }

  /** The model has a feature map to show. */
  enable() {
    this.#toggle.hidden = false;
  }

  clear() {
    this.#canvas.hidden = true;
  }

  /** @param {import("./predictor.js").Heat} heat */
  show({ map, width, height }) {
    this.#canvas.width = width;
    this.#canvas.height = height;
    const context = this.#canvas.getContext("2d");
    const image = new ImageData(width, height);
    map.forEach((value, i) => image.data.set(color(value), i * 4));
    // The browser's own smoothing makes a picture of so few points.
    context?.putImageData(image, 0, 0);
    this.#canvas.hidden = false;
  }
}

/** @param {number} value 0..1 @returns {number[]} red, green, blue, alpha */
function color(value) {
  const at = Math.min(value, 0.9999) * (RAMP.length - 1);
  const [low, high] = [RAMP[Math.floor(at)], RAMP[Math.floor(at) + 1]];
  return low.map((from, i) => from + (high[i] - from) * (at % 1));
}
