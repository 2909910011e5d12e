// Teaching in the page: loaded when it is opened, and never before.
import { button, make } from "../page/elements.js";
import { integer } from "../page/format.js";
import { fill, teachWords as words } from "../page/words.js";
import { ClassCard } from "./class_card.js";
import { THRESHOLD, places, probabilities } from "./head.js";
import { Helper } from "./helper.js";
import { ExportPanel } from "./export_panel.js";
import { TeachingSession } from "./teaching_session.js";
import { Outcome } from "./outcome.js";
import { HandsFree } from "./hands_free.js";
import { Intake, sayAdded } from "./intake.js";
import { pool } from "../worker/features.js";

/**
 * @typedef {import("../page/predictor.js").Predictor} Predictor
 * @typedef {import("./store.js").Class} Class
 *
 * @typedef {object} Host what the page lends
 * @property {import("../api/pagesight.js").Classifier} classifier
 * @property {string} base address of the bundle's folder
 * @property {HTMLElement} root an empty section
 * @property {import("../page/camera_panel.js").CameraPanel} camera
 * @property {(predictor: Predictor | undefined) => void} setPredictor undefined: the bundle's own model
 * @property {(message: import("../page/words.js").Message) => void} onMessage
 * @property {(text?: string) => void} tell in large letters over the camera's picture, or nothing
 */

const GESTURES = Array.from({ length: 10 }, (_, i) => String(i));

/** @param {number} n from 1 */
const className = (n) => fill(words.className, { n: integer(n) });

/** @param {Host} host @returns {Promise<Teaching>} */
export async function openTeaching(host) {
  const [session, helper] = await Promise.all([
    TeachingSession.open(host.classifier, host.base),
    Helper.start(host.base, host.classifier.contract),
  ]);
  return new Teaching(host, session, helper);
}

class Teaching {
  #host;
  #session;
  #helper;
  #intake;
  #handsFree = new HandsFree();
  #keeping;
  #changed = false;
  #outcome = new Outcome({ train: () => void this.#train(), use: (own) => this.#use(own) });
  /** @type {ClassCard[]} */
  #cards = [];
  #list = make("ul", "class-list");
  #start = make("div", "teach-start");
  #addClass = button("button button-add", words.addClass);

  /**
   * @param {Host} host
   * @param {TeachingSession} session
   * @param {Helper} helper
   */
  constructor(host, session, helper) {
    this.#host = host;
    this.#session = session;
    this.#helper = helper;
    this.#intake = new Intake({
      host,
      session,
      handsFree: () => this.#handsFree.settings,
      onChange: () => this.#change(),
      onNews: (news) => this.#outcome.say(news),
    });
    this.#keeping = new ExportPanel({
      session,
      helper,
      contract: host.classifier.contract,
      base: host.base,
      onPictures: (pictures) => this.#takeFolders(pictures),
      onHead: async () => this.#reset(true),
      onStartOver: () => this.#startOver(),
    });
    this.#addClass.addEventListener("click", () => void this.#add(className(session.classes.length + 1)));
    this.#build();
    this.#reset(Boolean(session.head));
  }

  #build() {
    const heading = make("h2", "", words.heading);
    heading.id = "teach-heading";
    const readyMade = button("button", fill(words.readyMade, { first: integer(0), last: integer(9) }));
    const own = button("button", words.ownClasses);
    readyMade.addEventListener("click", () => void this.#addAll(GESTURES));
    own.addEventListener("click", () => void this.#addAll([className(1), className(2)]));
    const steps = make("ol", "steps");
    // A list without its numbers is none to some who listen.
    steps.setAttribute("role", "list");
    steps.append(...[words.stepName, words.stepShow, words.stepTrain].map((step) => make("li", "", step)));
    this.#start.append(steps, make("p", "teach-start-text", words.startWith), readyMade, own);
    const foot = make("div", "teach-foot");
    foot.append(this.#addClass, this.#outcome.element, this.#keeping.element);
    const visitOnly = make("p", "teach-note", words.visitOnly);
    this.#session.watchStore((lasting) => (visitOnly.hidden = lasting));
    this.#host.root.replaceChildren(
      heading,
      make("p", "lead", words.lead),
      visitOnly,
      this.#start,
      this.#handsFree.element,
      this.#list,
      foot,
    );
  }

  /** Draws everything anew. @param {boolean} use whether the head answers from now on */
  #reset(use) {
    for (const card of this.#cards) card.dispose();
    this.#cards = this.#session.classes.map((one, i) => this.#card(one, i + 1));
    this.#list.replaceChildren(...this.#cards.map(({ element }) => element));
    this.#changed = false;
    this.#use(use && Boolean(this.#session.head));
    this.#show();
  }

  #show() {
    const { classes, head } = this.#session;
    this.#start.hidden = classes.length > 0;
    this.#addClass.hidden = classes.length === 0;
    this.#outcome.element.hidden = classes.length === 0;
    this.#list.hidden = classes.length === 0;
    this.#handsFree.element.hidden = classes.length === 0;
    for (const card of this.#cards) card.show(this.#session.of(card.one), new Map());
    this.#outcome.show(this.#obstacle(), this.#changed, head);
    this.#keeping.show();
  }

  /** @returns {string | undefined} why training cannot start */
  #obstacle() {
    const { taught } = this.#session;
    if (taught.length < 2) return words.needTwo;
    const names = taught.map(({ name }) => name);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    return twice === undefined ? undefined : fill(words.needNames, { name: twice });
  }

  #change() {
    this.#changed = true;
    this.#show();
  }

  /** @param {Class} one @param {number} number */
  #card(one, number) {
    const card = new ClassCard(one, number, {
      rename: (name) => void this.#session.rename(one, name).then(() => this.#change()),
      remove: () => void this.#remove(one),
      removeExamples: (examples) => void this.#session.remove(examples).then(() => this.#change()),
      addFiles: (files) => void this.#intake.takeFiles(card, files),
      startRecording: (card) => void this.#intake.hold(card),
      stopRecording: () => this.#intake.stop(card),
      toggleHandsFree: (card) => void this.#intake.toggleHandsFree(card),
    });
    return card;
  }

  /** @param {string} name */
  async #add(name) {
    const one = await this.#session.addClass(name);
    const card = this.#card(one, this.#session.classes.length);
    this.#cards.push(card);
    this.#list.append(card.element);
    this.#change();
    card.focusName();
    return card;
  }

  /** @param {string[]} names */
  async #addAll(names) {
    for (const name of names) await this.#session.addClass(name);
    this.#reset(false);
    this.#cards[0].focusName();
  }

  /** @param {Class} one */
  async #remove(one) {
    await this.#session.removeClass(one);
    const at = this.#cards.findIndex((card) => card.one === one);
    this.#cards.splice(at, 1)[0]?.dispose();
    this.#change();
    const next = this.#cards[Math.min(at, this.#cards.length - 1)];
    if (next) next.focusName();
    else this.#start.querySelector("button")?.focus();
  }

  /** @param {Map<string, Blob[]>} folders */
  async #takeFolders(folders) {
    let news = "";
    for (const [name, pictures] of folders) {
      const card = this.#cards.find(({ one }) => one.name === name) ?? (await this.#add(name));
      news = await this.#intake.takeFiles(card, pictures);
    }
    const all = [...folders.values()].reduce((sum, { length }) => sum + length, 0);
    return folders.size === 1 ? news : sayAdded(all, 0);
  }

  async #train() {
    const started = performance.now();
    this.#outcome.progress(0, Math.log(this.#session.taught.length));
    try {
      const { head, loss } = await this.#session.train(this.#helper, (done, now) => this.#outcome.progress(done, now));
      this.#changed = false;
      this.#use(true);
      this.#keeping.show();
      this.#outcome.done(head, loss, performance.now() - started);
    } catch (error) {
      this.#outcome.failed(error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {boolean} own */
  #use(own) {
    const { head } = this.#session;
    this.#outcome.setUsing(own);
    this.#host.setPredictor(own && head ? answererOf(head, this.#host.classifier) : undefined);
  }

  async #startOver() {
    for (const one of [...this.#session.classes]) await this.#session.removeClass(one);
    await this.#session.forget();
    this.#reset(false);
  }
}

/**
 * @param {import("./head.js").Head} head
 * @param {import("../api/pagesight.js").Classifier} classifier
 * @returns {Predictor}
 */
function answererOf(head, classifier) {
  const { outputs } = classifier.contract;
  return {
    labels: head.labels,
    threshold: THRESHOLD,
    async answer(source, heat) {
      if (!heat || !outputs.features) {
        const { vector, milliseconds } = await classifier.extractFeatures(source);
        return { probabilities: probabilities(head, vector), milliseconds };
      }
      const { features, milliseconds } = await classifier.predict(source);
      if (!features) throw new Error("this model gives no feature map");
      const found = probabilities(head, pool(features));
      const map = places(head, features, found.indexOf(Math.max(...found)));
      const [, height, width] = features.shape;
      return { probabilities: found, milliseconds, heat: { map, width, height } };
    },
  };
}
