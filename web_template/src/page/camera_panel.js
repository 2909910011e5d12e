// The camera's buttons, and the loop from frame to answer.
import { Camera, CameraError } from "../input/camera.js";
import { keepsPixels } from "../input/keeps_pixels.js";
import { byId } from "./elements.js";
import { integer } from "./format.js";
import { fill, sayCamera, words } from "./words.js";

/**
 * @typedef {object} Handlers
 * @property {(video: HTMLVideoElement) => Promise<void>} onFrame resolves when the frame is answered
 * @property {(message: import("./words.js").Message) => void} onMessage
 * @property {(text: string) => void} onAnnounce
 * @property {() => void} onStop the visitor switched the camera off
 * @property {(blob: Blob) => void} onPicture
 */

/** The worker resizes one frame while the page takes the next; more would only make answers late. */
const FRAMES_UNDER_WAY = 2;
/** A browser that says nothing about the camera for so long waits for people, or hangs. */
const ASKING_MS = 8_000;

export class CameraPanel {
  #stage;
  #handlers;
  #camera;
  #toggle = byId("camera", HTMLButtonElement);
  #toggleText = byId("camera-text", HTMLElement);
  #shutter = byId("shutter", HTMLButtonElement);
  #choice = byId("cameras", HTMLSelectElement);
  /** The device that a hidden page has let go. @type {string | undefined} */
  #paused;
  /** Whether a camera is being asked for. */
  #starting = false;
  /** Counts starts and stops: a frame that is still waited for belongs to one of them. */
  #turn = 0;

  /**
   * @param {import("./stage.js").Stage} stage
   * @param {Handlers} handlers
   */
  constructor(stage, handlers) {
    this.#stage = stage;
    this.#handlers = handlers;
    this.#camera = new Camera(stage.video, () => {
      this.stop();
      handlers.onMessage(sayCamera(new CameraError("CameraLost")));
    });
    document.addEventListener("visibilitychange", () => void this.#pauseOrResume());
    this.#toggle.addEventListener("click", () => {
      if (this.#toggle.getAttribute("aria-disabled") === "true") return;
      if (!this.running) return void this.start().catch((error) => handlers.onMessage(sayCamera(error)));
      this.stop();
      handlers.onStop();
      handlers.onAnnounce(words.cameraOff);
    });
    this.#shutter.addEventListener("click", () => void this.#shoot());
    this.#choice.addEventListener(
      "change",
      () => void this.start(this.#choice.value, true).catch((error) => handlers.onMessage(sayCamera(error))),
    );
  }

  get running() {
    return this.#camera.running;
  }

  /** Whether it runs, or is about to. */
  get wanted() {
    return this.running || this.#starting;
  }

  get video() {
    return this.#stage.video;
  }

  enable() {
    this.#toggle.disabled = false;
  }

  /** Also a camera that is still being started. */
  stop() {
    if (!this.wanted) return;
    this.#turn++;
    this.#camera.stop();
    if (this.#stage.state === "camera") this.#stage.clear();
    this.#showRunning(false);
    this.#setStarting(false);
  }

  /**
   * @param {string} [deviceId] as Camera.start() takes it
   * @param {boolean} [chosen] whether a person has chosen it, and means it for the next time, too
   * @returns {Promise<boolean>} false when it was stopped or started again meanwhile
   * @throws what sayCamera() has words for
   */
  async start(deviceId, chosen = false) {
    const turn = ++this.#turn;
    this.#setStarting(true);
    this.#toggleText.textContent = words.startingCamera;
    // Some browsers neither ask nor refuse; others wait for an answer that people do not see.
    const waiting = setTimeout(() => {
      if (turn !== this.#turn) return;
      this.#toggle.setAttribute("aria-disabled", "false");
      this.#handlers.onMessage(words.camera.Waiting);
    }, ASKING_MS);
    try {
      const started = deviceId && chosen ? this.#camera.choose(deviceId) : this.#camera.start(deviceId);
      if (!(await started)) return false;
    } catch (error) {
      this.stop();
      this.#stage.clear();
      throw error;
    } finally {
      clearTimeout(waiting);
    }
    this.#setStarting(false);
    this.#stage.showCamera(this.#camera.mirrored);
    this.#showRunning(true);
    this.#handlers.onAnnounce(words.cameraOn);
    void this.#listCameras();
    void this.#watch(turn);
    // It may have been hidden while a person was asked for the camera.
    void this.#pauseOrResume();
    return true;
  }

  /** @param {boolean} starting a disabled button would lose the focus: it says so, and does nothing meanwhile */
  #setStarting(starting) {
    this.#starting = starting;
    this.#toggle.setAttribute("aria-disabled", String(starting));
  }

  /** No light stays on, and no work is done, behind a page that nobody sees. */
  async #pauseOrResume() {
    if (document.hidden && this.running) {
      this.#paused = this.#camera.deviceId;
      this.stop();
    } else if (!document.hidden && this.#paused !== undefined) {
      const device = this.#paused;
      this.#paused = undefined;
      await this.start(device).catch((error) => this.#handlers.onMessage(sayCamera(error)));
    }
  }

  /** @param {number} turn of the start that it belongs to */
  async #watch(turn) {
    const watching = () => turn === this.#turn;
    /** When the answers of the last second were given. @type {number[]} */
    let answered = [];
    let underWay = 0;
    let shown = performance.now();
    while (watching()) {
      await this.#camera.nextFrame();
      if (!watching()) return;
      if (underWay >= FRAMES_UNDER_WAY) continue;
      underWay++;
      void this.#handlers.onFrame(this.#stage.video).finally(() => {
        underWay--;
        const now = performance.now();
        answered = [...answered.filter((then) => now - then < 1000), now];
      });
      const now = performance.now();
      // Once a second is as often as a number can be read.
      if (now - shown > 1000 && watching()) {
        this.#stage.setRate(answered.length);
        shown = now;
      }
    }
  }

  /** Keeps the present frame as a picture and answers it. */
  async #shoot() {
    const { video } = this.#stage;
    if (!keepsPixels()) return this.#handlers.onMessage(words.failures["altered-pictures"]);
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d")?.drawImage(video, 0, 0);
    /** @type {Blob | null} */
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    if (!blob) return;
    this.stop();
    this.#toggle.focus();
    this.#handlers.onPicture(blob);
  }

  async #listCameras() {
    const cameras = await Camera.list();
    this.#choice.replaceChildren(
      ...cameras.map(
        ({ id, name }, i) =>
          new Option(name || fill(words.cameraNumber, { n: integer(i + 1) }), id, false, id === this.#camera.deviceId),
      ),
    );
    byId("which-camera", HTMLElement).hidden = cameras.length < 2 || !this.running;
  }

  /** @param {boolean} on */
  #showRunning(on) {
    this.#toggleText.textContent = on ? words.stopCamera : words.useCamera;
    this.#toggle.classList.toggle("button-primary", !on);
    this.#shutter.hidden = !on;
    document.documentElement.classList.toggle("filming", on);
    if (!on) byId("which-camera", HTMLElement).hidden = true;
  }
}
