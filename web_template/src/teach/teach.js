// Teaching in the page: loaded when it is opened, or where it was taught before, and never else.
import { button, byId, make } from "../page/elements.js";
import { integer } from "../page/format.js";
import { recall, remember } from "../loading/memory.js";
import { fill, sayReason, teachWords as words } from "../page/words.js";
import { ClassCard } from "./class_card.js";
import { openCollecting } from "./collecting.js";
import { ExportPanel } from "./export_panel.js";
import { HandsFree } from "./hands_free.js";
import { Helper } from "./helper.js";
import { Intake, sayAdded } from "./intake.js";
import { nonePictures } from "./none_pictures.js";
import { Outcome } from "./outcome.js";
import { advice } from "./readiness.js";
import { TaughtPage } from "./taught_page.js";
import { taughtPredictor } from "./taught_predictor.js";
import { TeachingSession } from "./teaching_session.js";

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
 * @property {(picture: Blob) => void} showPicture on the stage, answered
 */

const GESTURES = Array.from({ length: 10 }, (_, i) => String(i));
/** Whether the page is the taught one, from one visit to the next. @param {string} base */
const taughtKey = (base) => `taught:${base}`;
const OTHER = "other";

/** @param {number} n from 1 */
const className = (n) => fill(words.className, { n: integer(n) });

/** @param {Host} host @returns {Promise<Teaching>} */
export async function openTeaching(host) {
  const starting = Helper.start(host.base, host.classifier.contract);
  try {
    const [session, helper] = await Promise.all([TeachingSession.open(host.classifier, host.base), starting]);
    return new Teaching(host, session, helper);
  } catch (error) {
    starting.then(
      (helper) => helper.close(),
      () => {},
    );
    throw error;
  }
}

class Teaching {
  #host;
  #session;
  #helper;
  #intake;
  #handsFree = new HandsFree();
  #export;
  #page;
  #changed = false;
  /** Counts what was changed: what is trained meanwhile does not know of it. */
  #changes = 0;
  #training = false;
  /** @type {import("../collect/panel.js").Panel | undefined} */
  #collecting;
  #outcome = new Outcome(() => void this.#train());
  /** @type {ClassCard[]} */
  #cards = [];
  #list = make("ul", "class-list");
  #start = make("div", "teach-start");
  #addClass = button("button button-add", words.addClass);
  #addNone = button("button button-add", words.addNone);

  /**
   * @param {Host} host
   * @param {TeachingSession} session
   * @param {Helper} helper
   */
  constructor(host, session, helper) {
    this.#host = host;
    this.#session = session;
    this.#helper = helper;
    const { contract } = host.classifier;
    this.#intake = new Intake({
      host,
      session,
      handsFree: () => this.#handsFree.settings,
      onChange: () => this.#change(),
      onRest: () => this.#show(),
      onNews: (news) => this.#outcome.say(news),
    });
    const use = (/** @type {boolean} */ own) => this.#use(own);
    const { showPicture } = host;
    this.#page = new TaughtPage(session, contract.title || contract.name, { use, showPicture });
    this.#export = new ExportPanel({
      session,
      helper,
      contract,
      base: host.base,
      onPictures: (pictures) => this.#takeFolders(pictures),
      onHead: async () => this.#reset(true),
      onTitle: () => this.#use(document.documentElement.classList.contains("taught")),
      onStartOver: () => this.#startOver(),
    });
    this.#addClass.addEventListener("click", () => void this.#add(className(session.classes.length + 1)));
    this.#addNone.addEventListener("click", () => void this.#addNoneOfThese());
    byId("mode-recognize", HTMLButtonElement).addEventListener("click", () => this.#intake.stopAll());
    this.#build();
    this.#reset(recall(taughtKey(host.base)) !== OTHER);
    void this.#openCollecting();
  }

  async #openCollecting() {
    const session = this.#session;
    this.#collecting = await openCollecting(this.#host.base, {
      classes: () => session.classes.map(({ id, name }) => ({ id, name })),
      counts: () => session.counts(),
      add: (id, picture, from) => this.#intake.takeFrom(id, picture, from),
      remove: (from) => session.remove(session.from(from)).then(() => this.#change()),
    });
    if (this.#collecting) this.#handsFree.element.after(this.#collecting.element);
    this.#show();
  }

  #build() {
    const heading = make("h2", "", words.heading);
    heading.id = "teach-heading";
    const readyMade = button("button", fill(words.readyMade, { first: integer(0), last: integer(9) }));
    const own = button("button button-primary", words.ownClasses);
    readyMade.addEventListener("click", () => void this.#addAll(GESTURES));
    own.addEventListener("click", () => void this.#addAll([className(1), className(2)]));
    const steps = make("ol", "steps");
    // A list without its numbers is none to some who listen.
    steps.setAttribute("role", "list");
    steps.append(...[words.stepName, words.stepShow, words.stepTrain].map((step) => make("li", "", step)));
    this.#start.append(steps, make("p", "teach-start-text", words.startWith), own, readyMade);
    const more = make("div", "class-more");
    more.append(this.#addClass, this.#addNone);
    const foot = make("div", "teach-foot");
    foot.append(more, this.#handsFree.element, this.#outcome.element, this.#export.element);
    const visitOnly = make("p", "teach-note", words.visitOnly);
    this.#session.watchStore(
      (lasting) => (visitOnly.hidden = lasting),
      () => this.#host.onMessage(words.notDeleted),
    );
    this.#host.root.replaceChildren(heading, make("p", "lead", words.lead), visitOnly, this.#start, this.#list, foot);
  }

  /** Draws everything anew. @param {boolean} use whether the head answers from now on */
  #reset(use) {
    this.#intake.stopAll();
    for (const card of this.#cards) card.dispose();
    this.#cards = this.#session.classes.map((one, i) => this.#card(one, i + 1));
    this.#list.replaceChildren(...this.#cards.map(({ element }) => element));
    this.#changed = false;
    if (this.#session.head) this.#use(use);
    else this.#use(undefined);
    this.#show();
  }

  #show() {
    const { classes } = this.#session;
    const none = classes.length === 0;
    this.#start.hidden = !none;
    for (const element of [this.#addClass, this.#outcome.element, this.#list, this.#handsFree.element])
      element.hidden = none;
    this.#addNone.hidden = none || classes.some(({ name }) => name === words.noneOfThese);
    const misread = new Map(Object.entries(this.#session.head?.misread ?? {}).map(([id, name]) => [Number(id), name]));
    for (const card of this.#cards) card.show(this.#session.of(card.one), misread);
    this.#outcome.show(this.#shown());
    this.#export.show();
    this.#collecting?.changed();
  }

  #shown() {
    const { head, taught } = this.#session;
    const filled = taught.map((one) => ({ name: one.name, examples: this.#session.of(one) }));
    return {
      obstacle: this.#obstacle(),
      advice: advice(filled),
      changed: this.#changed,
      training: this.#training,
      head,
    };
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
    this.#changes++;
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

  /** A class of what is none of the others, with pictures in it from the start. */
  async #addNoneOfThese() {
    const card = await this.#add(words.noneOfThese);
    const pictures = [];
    for await (const picture of nonePictures()) pictures.push(picture);
    await this.#intake.takeFiles(card, pictures);
    this.#outcome.say(words.noneAdded);
  }

  /** @param {string[]} names */
  async #addAll(names) {
    for (const name of names) await this.#session.addClass(name);
    this.#reset(false);
    this.#cards[0].focusName();
  }

  /** @param {Class} one */
  async #remove(one) {
    const at = this.#cards.findIndex((card) => card.one === one);
    // A second click comes before the first one is through.
    if (at < 0) return;
    this.#intake.stop(this.#cards[at]);
    this.#cards.splice(at, 1)[0].dispose();
    await this.#session.removeClass(one);
    this.#change();
    const next = this.#cards[Math.min(at, this.#cards.length - 1)];
    if (next) next.focusName();
    else this.#start.querySelector("button")?.focus();
  }

  /** @param {Map<string, Blob[]>} folders @returns {Promise<string>} what came of it, in words */
  async #takeFolders(folders) {
    let [added, unreadable] = [0, 0];
    for (const [name, pictures] of folders) {
      const card = this.#cards.find(({ one }) => one.name === name) ?? (await this.#add(name));
      const news = await this.#intake.takeFiles(card, pictures, { once: true });
      added += news.added;
      unreadable += news.unreadable;
    }
    return sayAdded(added, unreadable);
  }

  async #train() {
    if (this.#training) return;
    const before = this.#changes;
    this.#training = true;
    this.#outcome.progress(0);
    try {
      const trained = await this.#session.train(this.#helper, (done) => this.#outcome.progress(done));
      this.#training = false;
      if (trained) {
        this.#changed = before !== this.#changes;
        this.#use(true);
      }
      this.#show();
      this.#outcome.done(this.#shown());
    } catch (error) {
      this.#training = false;
      this.#outcome.failed(sayReason(error));
    }
  }

  /** @param {boolean | undefined} own whether the taught head answers; undefined: there is none */
  #use(own) {
    const { head } = this.#session;
    const key = taughtKey(this.#host.base);
    remember(key, own === undefined || !head ? undefined : own ? "own" : OTHER);
    this.#page.show(head, Boolean(own));
    this.#host.setPredictor(own && head ? taughtPredictor(head, this.#host.classifier) : undefined);
  }

  async #startOver() {
    this.#intake.stopAll();
    await this.#collecting?.stop();
    await this.#session.clear();
    this.#reset(false);
    this.#start.querySelector("button")?.focus();
  }
}
