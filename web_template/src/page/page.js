// The page: brings pictures and camera frames to the classifier, and its answers to people.
import { rank } from "../api/rank.js";
import { loading, onProgress } from "./loading.js";
import { AnswerView } from "./answer.js";
import { ownAnswerer } from "./predictor.js";
import { Batch } from "./batch.js";
import { CameraPanel } from "./camera_panel.js";
import { openCard } from "./card.js";
import { BackendSelector } from "./backend_selector.js";
import { fetchFile } from "../loading/files.js";
import { byId } from "./elements.js";
import { kilobytes } from "./format.js";
import { HeatMap } from "./heat.js";
import { home } from "./home.js";
import { listenForPictures } from "./inputs.js";
import { offerInstall, showNetwork } from "./install.js";
import { keepOffline } from "./offline.js";
import { Stage } from "./stage.js";
import { TeachMode } from "./teach_mode.js";
import { fill, sayFailure, sayNotAPicture, words } from "./words.js";

/**
 * @typedef {import("./predictor.js").Predictor} Predictor
 * @typedef {import("../api/pagesight.js").Source} Source
 */

if (document.readyState === "loading") {
  await new Promise((resolve) => document.addEventListener("DOMContentLoaded", resolve, { once: true }));
}
const stage = new Stage();
const answers = new AnswerView();
const heat = new HeatMap(() => void again());
const batch = new Batch(
  (file) => void takePicture(file, file.name),
  (text) => answers.announce(text),
);
/** @type {Predictor | undefined} */
let predictor;
/** @type {BackendSelector | undefined} */
let selector;
/** After so long without news from the model, visitors are told what they can do. */
const SLOW_MS = 8_000;
/** Several pictures that came before the model did. @type {File[]} */
let early = [];
/** The picture on the stage. @type {{ blob: Blob, name: string } | undefined} */
let shown;
/** Counts what was shown, so that a late answer to an earlier picture is dropped. */
let turn = 0;
/** Counts what was asked to be shown: a sample may come late. */
let asked = 0;
/** Frames that failed, one after the other. */
let failedFrames = 0;
/** A camera that changes its mode gives some that cannot be read; so many are no accident. */
const MOST_FAILED_FRAMES = 10;

const camera = new CameraPanel(stage, {
  onFrame: (video) => classifyPicture(video, true),
  onMessage: (message) => answers.say(message, "error"),
  onAnnounce: (text) => answers.announce(text),
  onStop: () => answers.rest(),
  onPicture: (blob) => void takePicture(blob, ""),
});

listenForPictures(
  (files) => void takePictures(files),
  (over) => stage.setDropping(over),
  () => answers.say(sayNotAPicture(""), "error"),
);
for (const sample of document.querySelectorAll(".sample")) {
  if (sample instanceof HTMLButtonElement) sample.addEventListener("click", () => void takeSample(sample));
  offerWhenThere(sample);
}
byId("not-started", HTMLElement).remove();
document.documentElement.classList.remove("on-disk");
const fillCard = openCard();
void start().then(fillCard);
for (const id of ["choose", "choose-folder"]) byId(id, HTMLButtonElement).disabled = false;
offerInstall();
showNetwork();

async function start() {
  /** @type {Promise<void>} */
  let answered;
  // Neither ready nor refused, and nothing more has come: a server or a worker may hang.
  const wait = () => setTimeout(() => answers.wait(words.slow, () => location.reload()), SLOW_MS);
  let waiting = wait();
  try {
    onProgress((bytes, total) => {
      answers.loading(bytes, total, fill(words.loading, { loaded: kilobytes(bytes), total: kilobytes(total) }));
      clearTimeout(waiting);
      waiting = wait();
    });
    const loaded = await loading.finally(() => clearTimeout(waiting));
    stage.setCrop(loaded.contract.input.crop);
    // Told once, and to whoever asks later.
    const tell = () => document.dispatchEvent(new CustomEvent("pagesight-ready", { detail: loaded }));
    document.addEventListener("pagesight-ask", tell);
    tell();
    const own = ownAnswerer(loaded);
    selector = new BackendSelector(loaded, (text) => answers.announce(text));
    answered = setPredictor(own);
    if (loaded.contract.outputs.features) heat.enable();
    const lent = {
      classifier: loaded,
      camera,
      setPredictor: (/** @type {Predictor | undefined} */ taught) => void setPredictor(taught ?? own),
      onMessage: (/** @type {import("./words.js").Message} */ message) => answers.say(message, "error"),
      showPicture: (/** @type {Blob} */ picture) => void takePicture(picture, ""),
      tell: (/** @type {string | undefined} */ text) => stage.tell(text),
    };
    new TeachMode(lent, () => answers.forgive());
  } catch (error) {
    // What is still on its way may arrive, and must not talk over the failure.
    onProgress(() => {});
    clearTimeout(waiting);
    camera.stop();
    document.documentElement.classList.add("no-model");
    const tell = () => document.dispatchEvent(new CustomEvent("pagesight-failure", { detail: error }));
    document.addEventListener("pagesight-ask", tell);
    tell();
    answers.say(sayFailure(error), "error", () => location.reload());
    return;
  }
  camera.enable();
  for (const sample of document.querySelectorAll(".sample")) sample.removeAttribute("disabled");
  if (stage.state !== "picture") answers.say(words.ready, "idle");
  if (early.length) void takePictures(early);
  // The gallery, the card and keeping files for offline use wait until the visitor has what they came for.
  await answered;
  document.documentElement.dataset.ready = "true";
  void keepOffline();
}

/**
 * @param {Predictor} next who answers from now on
 * @returns {Promise<void>} settled when the picture on the stage is answered, where there is one
 */
function setPredictor(next) {
  predictor = next;
  answers.setClasses(next.labels, next.threshold, next.multilabel);
  if (stage.state === "empty") answers.rest();
  return again();
}

/** Answers the picture on the stage once more: another model, or another view of it. */
async function again() {
  if (shown && stage.state === "picture") await classifyPicture(shown.blob, false, shown.name);
}

/** @param {File[]} files */
async function takePictures(files) {
  asked++;
  if (files.length === 1) return takePicture(files[0], files[0].name);
  camera.stop();
  if (!predictor) {
    early = files;
    return;
  }
  // What was on the stage is none of them.
  shown = undefined;
  turn++;
  heat.clear();
  stage.clear();
  answers.forgive();
  answers.rest();
  const { labels, threshold, multilabel, answer } = predictor;
  try {
    await batch.run(files, { threshold, multilabel }, async (file) =>
      rank(labels, (await answer(file, false)).probabilities),
    );
  } catch (error) {
    answers.say(sayFailure(error), "error", () => location.reload());
  }
}

/**
 * @param {Blob} blob
 * @param {string} name
 */
async function takePicture(blob, name) {
  asked++;
  camera.stop();
  heat.clear();
  shown = { blob, name };
  void stage.showPicture(blob);
  stage.reveal();
  early = [];
  // Before the model is there, it is answered when the model comes.
  if (predictor) await classifyPicture(blob, false, name);
}

/** Whoever hosts the page may leave the samples out: what is not there is not offered. @param {Element} sample */
function offerWhenThere(sample) {
  const image = sample.querySelector("img");
  const hide = () => sample.closest("li")?.remove();
  image?.addEventListener("error", hide);
  if (image?.hasAttribute("src") && image.complete && !image.naturalWidth) hide();
}

/** @param {HTMLButtonElement} sample */
async function takeSample(sample) {
  const path = sample.dataset.path ?? "";
  const mine = ++asked;
  if (camera.wanted) {
    camera.stop();
    // The last frame's answer would stand beside an empty stage.
    answers.rest();
  }
  const isStale = () => mine !== asked || camera.wanted;
  try {
    const file = await fetchFile(home, path, sample.dataset.sha256);
    if (!isStale()) await takePicture(new Blob([file]), path);
  } catch (error) {
    if (isStale()) return;
    answers.say(sayFailure(error), "error", () => void takeSample(sample));
  }
}

/**
 * @param {Source} source
 * @param {boolean} live a camera frame
 * @param {string} [name]
 */
async function classifyPicture(source, live, name = "") {
  if (!predictor) return;
  // Frames are answered in order and several may be under way; a picture makes all before it stale.
  const mine = live ? turn : ++turn;
  const isStale = () => mine !== turn || live !== camera.running;
  if (!live) answers.busy();
  const started = performance.now();
  try {
    const { labels, answer } = predictor;
    const found = await answer(source, heat.on);
    failedFrames = 0;
    // Where the picture is explained too, it is more than a forward pass.
    if (!found.heat) selector?.heard(found.milliseconds);
    if (isStale() || labels !== predictor.labels) return;
    const timing = { total: performance.now() - started, model: found.milliseconds };
    answers.show(rank(labels, found.probabilities), timing, live);
    if (found.heat && heat.on) heat.show(found.heat);
  } catch (error) {
    if (isStale()) return;
    const { code } = /** @type {{ code?: string }} */ (error);
    const unreadable = code === "picture" || code === "source";
    if (live && unreadable && ++failedFrames < MOST_FAILED_FRAMES) return;
    failedFrames = 0;
    // What one frame cannot do otherwise, the next cannot either.
    if (live) camera.stop();
    heat.clear();
    if (live && unreadable) return answers.say(words.camera.other, "error");
    const notAPicture = code === "picture";
    if (notAPicture) stage.clear();
    answers.say(notAPicture ? sayNotAPicture(name) : sayFailure(error), "error", () => location.reload());
  }
}
