// Camera frames into examples, for as long as a button is held.

/**
 * @typedef {import("../page/camera_panel.js").CameraPanel} CameraPanel
 * @typedef {(picture: Blob) => Promise<unknown>} Take
 */

/** Frames of one tenth of a second apart differ; more would be the same picture again. */
const APART_MS = 100;
const MOST_SIDE = 480;

export class Recorder {
  #camera;
  #crop;
  /** Counts starts and stops, so that a loop knows that it is over. */
  #turn = 0;

  /**
   * @param {CameraPanel} camera
   * @param {"center-square" | "squash"} crop what the model looks at
   */
  constructor(camera, crop) {
    this.#camera = camera;
    this.#crop = crop;
  }

  /**
   * At least one picture is taken, however short the button was held.
   * @param {Take} take
   * @param {() => void} onRunning the camera is on
   */
  async start(take, onRunning) {
    const turn = ++this.#turn;
    if (!this.#camera.running && !(await this.#camera.start())) return;
    onRunning();
    do {
      const began = performance.now();
      const picture = await this.#capture();
      if (!picture) return;
      await take(picture);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, APART_MS - (performance.now() - began))));
    } while (turn === this.#turn && this.#camera.running);
  }

  stop() {
    this.#turn++;
  }

  /** @returns {Promise<Blob | null>} what the model sees of the frame, not mirrored */
  async #capture() {
    const { video } = this.#camera;
    const { videoWidth, videoHeight } = video;
    const side = Math.min(videoWidth, videoHeight);
    const [width, height] = this.#crop === "squash" ? [videoWidth, videoHeight] : [side, side];
    const scale = Math.min(1, MOST_SIDE / Math.min(width, height));
    const canvas = new OffscreenCanvas(Math.round(width * scale), Math.round(height * scale));
    const left = Math.floor((videoWidth - width) / 2);
    const top = Math.floor((videoHeight - height) / 2);
    const context = canvas.getContext("2d");
    if (!context || !width) return null;
    context.drawImage(video, left, top, width, height, 0, 0, canvas.width, canvas.height);
    return canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
  }
}
