// Every sentence that the page says from JavaScript.

/** @typedef {{ title: string, text: string, action?: string }} Message */

export const words = {
  ready: { title: "Ready", text: "Show it a picture: drop, paste or choose one, use the camera, or try a sample." },
  looksLike: "This looks like",
  notSure: "Not sure",
  notSureDetail: (/** @type {string} */ label, /** @type {string} */ percent) => `closest is ${label}, ${percent}`,
  sure: (/** @type {string} */ percent) => `${percent} sure`,
  answered: (/** @type {string} */ ms, /** @type {string} */ model) => `Answered in ${ms}, ${model} of it in the model`,
  rate: (/** @type {number} */ perSecond) => `${perSecond} a second`,
  loading: (/** @type {string} */ loaded, /** @type {string} */ total) => `${loaded} of ${total}`,
  pictureAlt: "The picture being recognised",
  useCamera: "Use camera",
  stopCamera: "Stop",
  startingCamera: "Starting…",
  cameraNumber: (/** @type {number} */ n) => `Camera ${n}`,
  cameraOn: "The camera is on",
  cameraOff: "The camera is off",
  openingTeach: "Opening…",
  batchRunning: (/** @type {number} */ done, /** @type {number} */ all) => `${done} of ${all} pictures`,
  batchDone: (/** @type {number} */ n) => (n === 1 ? "1 picture" : `${n} pictures`),
  notReadable: "not a picture",
};

/** @type {Record<string, (file: string) => Message>} */
const failures = {
  unreachable: (file) =>
    navigator.onLine
      ? {
          title: "The model did not arrive",
          text: `${file || "A file"} could not be loaded from the server.`,
          action: "Try again",
        }
      : {
          title: "You are offline",
          text: "Connect once so that the model can be fetched, then try again.",
          action: "Try again",
        },
  tampered: (file) => ({
    title: "A file was changed",
    text: `${file} is not the file that was published, so the page refused to use it. Reload; if this stays, tell whoever runs this site.`,
    action: "Reload",
  }),
  "no-wasm": () => ({
    title: "WebAssembly is missing",
    text: "This browser has no WebAssembly, or forbids it (some lockdown modes do). Use a current Chrome, Edge, Firefox or Safari.",
  }),
  "old-browser": () => ({
    title: "This browser is too old",
    text: "Its WebAssembly lacks SIMD, which the model needs. Update it, or open this page in Chrome or Edge 91, Firefox 89, Safari 16.4, or anything newer.",
  }),
  contract: (file) => ({
    title: "The model's description does not fit",
    text: `${file || "contract.json"} cannot be used by this page. The bundle was put together wrongly: build it again.`,
  }),
  "wrong-answer": () => ({
    title: "The model answers wrongly here",
    text: "A picture with a known answer got another one, so the page does not trust this browser with yours. Update it, or use another one.",
    action: "Try again",
  }),
  model: () => ({
    title: "The model could not be started",
    text: "Reload the page; if that does not help, close other tabs to free memory.",
    action: "Reload",
  }),
};

/**
 * @param {unknown} error
 * @returns {Message}
 */
export function sayFailure(error) {
  const { code, file } = /** @type {{ code?: string, file?: string }} */ (error);
  return (failures[code ?? ""] ?? failures.model)(file ?? "");
}

/**
 * @param {string} name of the file, '' where it has none
 * @returns {Message}
 */
export const sayNotAPicture = (name) => ({
  title: "That is not a picture",
  text: `${name ? `“${name}”` : "It"} cannot be read as one here. JPEG, PNG, WebP, GIF, BMP and AVIF work.`,
});

/**
 * @param {unknown} error from getUserMedia, or our own
 * @returns {Message}
 */
export function sayCamera(error) {
  switch (/** @type {{ name?: string }} */ (error).name) {
    case "NotAllowedError":
      return {
        title: "The camera is blocked",
        text: "Allow it for this page: the camera sign beside the address, or the browser's site settings. Then start it again.",
      };
    case "NotFoundError":
      return { title: "No camera was found", text: "Connect one, or choose a picture instead." };
    case "NotReadableError":
    case "AbortError":
      return {
        title: "The camera is busy",
        text: "Another program or tab seems to use it. Close that, then start it again.",
      };
    case "InsecureContext":
      return {
        title: "The camera needs a secure page",
        text: "Browsers give the camera to https:// addresses and to localhost only. Pictures work here as well.",
      };
    case "CameraLost":
      return { title: "The camera is gone", text: "It was unplugged or switched off." };
    default:
      return { title: "The camera did not start", text: "Try another camera, or choose a picture instead." };
  }
}
