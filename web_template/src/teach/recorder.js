// Camera frames into examples: for as long as a button is held, or a number of them by themselves.
import { refuseAltered } from "../input/keeps_pixels.js";

/**
 * @typedef {import("../page/camera_panel.js").CameraPanel} CameraPanel
 * @typedef {(picture: Blob) => Promise<unknown>} Take
 * @typedef {{ everyMs?: number, most?: number }} Pace milliseconds from one picture to the next, and how many at most
 */

/** Frames of one tenth of a second apart differ; more would be the same picture again. */
const APART_MS = 100;
const MOST_SIDE = 480;

export class Recorder {
  #camera;
  #crop;
  /** Who is recording now: nobody else can stop it. @type {{ owner: object, over: boolean } | undefined} */
  #take;

  /**
   * @param {CameraPanel} camera
   * @param {"center-square" | "squash"} crop what the model looks at
   */
  constructor(camera, crop) {
    this.#camera = camera;
    this.#crop = crop;
  }

  /**
   * At least one picture is taken, however short the button was held. Another owner's take ends with it.
   * @param {object} owner whose button it is
   * @param {Take} take
   * @param {() => void} onRunning the camera is on
   * @param {Pace} [pace]
   * @throws {import("../errors.js").PagesightError} with code altered-pictures; what starting the camera throws
   */
  async record(owner, take, onRunning, { everyMs = APART_MS, most = Infinity } = {}) {
    const mine = { owner, over: false };
    if (this.#take) this.#take.over = true;
    this.#take = mine;
    if (!this.#camera.running && !(await this.#camera.start())) return;
    if (this.#take !== mine) return;
    refuseAltered();
    onRunning();
    let taken = 0;
    do {
      const began = performance.now();
      const picture = await this.#capture();
      if (!picture) return;
      await take(picture);
      taken++;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, everyMs - (performance.now() - began))));
    } while (!mine.over && taken < most && this.#camera.running);
  }

  /** @param {object} owner whether nobody else has recorded since */
  isLast(owner) {
    return this.#take?.owner === owner;
  }

  /** @param {object} [owner] whose take ends; anybody else's goes on; whoever's it is when left out */
  stop(owner = this.#take?.owner) {
    if (this.#take && this.#take.owner === owner) this.#take.over = true;
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
