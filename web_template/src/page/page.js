// The page: brings pictures and camera frames to the classifier, and its answers to people.
import { load } from "../pagesight.js";
import { AnswerView } from "./answer.js";
import { CameraPanel } from "./camera_panel.js";
import { fillCard } from "./card.js";
import { byId } from "./elements.js";
import { kilobytes } from "./format.js";
import { listenForPictures } from "./inputs.js";
import { keepOffline } from "./offline.js";
import { Stage } from "./stage.js";
import { sayFailure, sayNotAPicture, words } from "./words.js";

/**
 * @typedef {import("../pagesight.js").Classifier} Classifier
 * @typedef {import("../pagesight.js").Source} Source
 */

byId("not-started", HTMLElement).remove();

const stage = new Stage();
/** @type {AnswerView} */
let answers = new AnswerView([], 0);
/** @type {Classifier | undefined} */
let classifier;
/** The picture that came before the model did. @type {{ blob: Blob, name: string } | undefined} */
let early;
/** Counts what was shown, so that a late answer to an earlier picture is dropped. */
let turn = 0;

const camera = new CameraPanel(stage, {
  onFrame: (video) => recognise(video, true),
  onMessage: (message) => answers.say(message, "error"),
  onAnnounce: (text) => answers.announce(text),
  onPicture: (blob) => void takePicture(blob, ""),
});

listenForPictures(
  (file) => void takePicture(file, file.name),
  (over) => stage.setDropping(over),
);
for (const sample of document.querySelectorAll(".sample")) {
  if (sample instanceof HTMLButtonElement) sample.addEventListener("click", () => void takeSample(sample));
}
byId("choose", HTMLButtonElement).disabled = false;
void fillCard();
void start();

async function start() {
  try {
    const loaded = await load(import.meta.url, {
      contractSha256: document.documentElement.dataset.contractSha256,
      onProgress: (bytes, total) => answers.loading(bytes, total, words.loading(kilobytes(bytes), kilobytes(total))),
    });
    const { labels, decision, input } = loaded.contract;
    classifier = loaded;
    answers = new AnswerView(labels, decision.threshold);
    stage.setCrop(input.crop);
  } catch (error) {
    camera.stop();
    document.documentElement.classList.add("no-model");
    answers.say(sayFailure(error), "error", () => location.reload());
    return;
  }
  camera.enable();
  for (const sample of document.querySelectorAll(".sample")) sample.removeAttribute("disabled");
  if (early) void takePicture(early.blob, early.name);
  else answers.say(words.ready, "idle");
  document.documentElement.dataset.ready = "true";
  // Keeping files for offline use waits until the visitor has what they came for.
  void keepOffline();
}

/**
 * @param {Blob} blob
 * @param {string} name
 */
async function takePicture(blob, name) {
  camera.stop();
  void stage.showPicture(blob);
  if (!classifier) {
    early = { blob, name };
    return;
  }
  await recognise(blob, false, name);
}

/** @param {HTMLButtonElement} sample */
async function takeSample(sample) {
  const path = sample.dataset.path ?? "";
  try {
    const response = await fetch(path);
    if (!response.ok) throw new Error(`${response.status}`);
    await takePicture(await response.blob(), path);
  } catch {
    answers.say(sayFailure({ code: "unreachable", file: path }), "error", () => void takeSample(sample));
  }
}

/**
 * @param {Source} source
 * @param {boolean} live a camera frame
 * @param {string} [name]
 */
async function recognise(source, live, name = "") {
  if (!classifier) return;
  // Frames are answered in order and several may be under way; a picture makes all before it stale.
  const mine = live ? turn : ++turn;
  const isStale = () => mine !== turn || live !== camera.running;
  if (!live) answers.busy();
  const started = performance.now();
  try {
    const { probabilities, milliseconds } = await classifier.recognise(source);
    if (isStale()) return;
    answers.show(classifier.rank(probabilities), { total: performance.now() - started, model: milliseconds }, live);
  } catch (error) {
    if (isStale()) return;
    const notAPicture = /** @type {{ code?: string }} */ (error).code === "picture";
    if (notAPicture) stage.clear();
    answers.say(notAPicture ? sayNotAPicture(name) : sayFailure(error), "error", () => location.reload());
  }
}
