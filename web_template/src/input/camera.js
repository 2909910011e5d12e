// The camera as a stream of frames: start, stop, choose, and say in a name what went wrong.
import { recall, remember } from "../loading/memory.js";

/** The device that was chosen last, on this device. */
const KEY = "camera";

/** An error that sayCamera() has words for. */
export class CameraError extends Error {
  /** @param {"InsecureContext" | "CameraLost"} name */
  constructor(name) {
    super(name);
    this.name = name;
  }
}

export class Camera {
  #video;
  #onLost;
  /** @type {MediaStream | undefined} */
  #stream;
  /** Counts starts and stops, so that a slow start knows it was overtaken. */
  #turn = 0;

  /**
   * @param {HTMLVideoElement} video
   * @param {() => void} onLost the camera went away by itself
   */
  constructor(video, onLost) {
    this.#video = video;
    this.#onLost = onLost;
  }

  get running() {
    return this.#stream !== undefined;
  }

  /** The device in use. */
  get deviceId() {
    return this.#stream?.getVideoTracks()[0]?.getSettings().deviceId ?? "";
  }

  /** Whether people see themselves, and expect a mirror. */
  get mirrored() {
    return this.#stream?.getVideoTracks()[0]?.getSettings().facingMode !== "environment";
  }

  /**
   * @param {string} [deviceId] when left out, the one that was chosen last, else on a phone the one at its back
   * @returns {Promise<boolean>} false when stop() or another start() came in between, also where it would have failed
   */
  async start(deviceId) {
    this.stop();
    const turn = this.#turn;
    try {
      return await this.#start(deviceId, turn);
    } catch (error) {
      // A video that is given another camera says of the one before that it was broken off.
      if (turn !== this.#turn) return false;
      throw error;
    }
  }

  /** @param {string | undefined} deviceId @param {number} turn */
  async #start(deviceId, turn) {
    if (!navigator.mediaDevices) throw new CameraError("InsecureContext");
    const stream = await open(deviceId);
    if (turn !== this.#turn) {
      stream.getTracks().forEach((track) => track.stop());
      return false;
    }
    this.#stream = stream;
    stream.getVideoTracks()[0].addEventListener("ended", () => {
      if (this.#stream === stream) this.#onLost();
    });
    this.#video.srcObject = stream;
    await this.#video.play();
    return turn === this.#turn;
  }

  /**
   * As start(), and from now on this one is taken first.
   * @param {string} deviceId
   */
  async choose(deviceId) {
    const started = await this.start(deviceId);
    if (started) remember(KEY, deviceId);
    return started;
  }

  stop() {
    this.#turn++;
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#stream = undefined;
    this.#video.srcObject = null;
  }

  /** Resolves when there is a frame that was not shown before. */
  nextFrame() {
    return new Promise((resolve) => {
      if ("requestVideoFrameCallback" in this.#video) this.#video.requestVideoFrameCallback(resolve);
      else requestAnimationFrame(resolve);
    });
  }

  /** @returns {Promise<{ id: string, name: string }[]>} named only once the camera was allowed */
  static async list() {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    return devices
      .filter(({ kind }) => kind === "videoinput")
      .map(({ deviceId, label }) => ({ id: deviceId, name: label }));
  }
}

/**
 * @param {string | undefined} deviceId
 * @returns {Promise<MediaStream>}
 */
async function open(deviceId) {
  const size = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };
  const ask = (/** @type {MediaTrackConstraints} */ which) =>
    navigator.mediaDevices.getUserMedia({ audio: false, video: { ...size, ...which } });
  const wanted = deviceId ?? recall(KEY);
  if (wanted) {
    try {
      return await ask({ deviceId: { exact: wanted } });
    } catch (error) {
      // What was chosen another day may be gone; what is chosen now is to be that one.
      if (deviceId || !["OverconstrainedError", "NotFoundError"].includes(/** @type {Error} */ (error).name))
        throw error;
    }
  }
  // What one shows to a phone lies before it; a laptop looks at who sits there.
  return ask(matchMedia("(pointer: coarse)").matches ? { facingMode: { ideal: "environment" } } : {});
}
