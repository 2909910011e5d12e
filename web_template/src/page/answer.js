// The answer: large, as bars, and aloud for those who listen.
import { byId, make, write } from "./elements.js";
import { milliseconds, percent } from "./format.js";
import { Steady } from "./steady.js";
import { fill, sayUnsure, words } from "./words.js";

/** Up to so many classes each has a bar of its own place; beyond, the most probable ones are listed. */
const FIXED_BARS = 10;
const RANKED_BARS = 6;
/** So few have room to be large. */
const FEW_BARS = 4;
/** The states in which nothing needs the visitor's attention. */
const RESTING = new Set(["idle", "sure", "unsure"]);
/** A live answer is spoken when it has stood for so long. */
const STEADY_MS = 900;

/**
 * @typedef {{ label: string, probability: number }} Ranked
 * @typedef {{ total: number, model: number }} Timing milliseconds
 * @typedef {import("./words.js").Message} Message
 */

export class AnswerView {
  #box = byId("answer", HTMLElement);
  #message = byId("message", HTMLElement);
  #result = byId("result", HTMLElement);
  #action = byId("message-action", HTMLButtonElement);
  #progress = byId("progress", HTMLProgressElement);
  #live = byId("live", HTMLElement);
  #threshold = 0;
  #multilabel = false;
  /** @type {{ row: HTMLElement, name: HTMLElement, value: HTMLElement }[]} */
  #bars = [];
  /** @type {string[]} */
  #labels = [];
  #spoken = "";
  /** @type {{ text: string, since: number }} */
  #standing = { text: "", since: 0 };
  /** The stream that is being answered. @type {Steady | undefined} */
  #steady;

  /**
   * @param {string[]} labels
   * @param {number} threshold below it the page says that it is not sure
   * @param {boolean} [multilabel] every label above the threshold belongs to the answer
   */
  setClasses(labels, threshold, multilabel = false) {
    this.#labels = labels;
    this.#multilabel = multilabel;
    this.#threshold = threshold;
    this.#bars = [];
    this.#steady = undefined;
    byId("bars", HTMLElement).replaceChildren();
    this.#box.classList.toggle("answer-few", labels.length <= FEW_BARS);
  }

  /**
   * @param {number} loaded bytes
   * @param {number} total bytes
   * @param {string} text
   */
  loading(loaded, total, text) {
    if (!this.#isLoading) return;
    this.#progress.value = loaded / total;
    byId("message-text", HTMLElement).textContent = text;
    this.#action.hidden = true;
  }

  /**
   * It is still being loaded, and for long.
   * @param {{ text: string, action: string }} message
   * @param {() => void} act
   */
  wait({ text, action }, act) {
    if (!this.#isLoading) return;
    byId("message-text", HTMLElement).textContent = text;
    this.#offer(action, act);
    this.#speak(text);
  }

  /** Whether nothing else was said meanwhile, as of a picture that came early. */
  get #isLoading() {
    return this.#box.dataset.state === "loading";
  }

  /** @param {string | undefined} action what the button says; none without it @param {() => void} [act] */
  #offer(action = "", act) {
    this.#action.hidden = !action;
    this.#action.textContent = action;
    this.#action.onclick = act ?? null;
  }

  /**
   * @param {Message} message
   * @param {"idle" | "error"} state
   * @param {() => void} [act]
   */
  say(message, state, act) {
    this.#write(message, state, act);
    this.#speak(`${message.title}. ${message.text}`);
  }

  /** Nothing is on the stage any more: what was answered of it goes as well. */
  rest() {
    this.#steady = undefined;
    if (RESTING.has(this.#box.dataset.state ?? "")) this.#write(words.ready, "idle");
  }

  /** Something else is begun: what went wrong before is past. */
  forgive() {
    if (this.#box.dataset.state === "error") this.#write(words.ready, "idle");
  }

  /**
   * @param {Message} message
   * @param {"idle" | "error"} state
   * @param {() => void} [act]
   */
  #write(message, state, act) {
    this.#box.dataset.state = state;
    this.#box.removeAttribute("aria-busy");
    this.#message.hidden = false;
    // What it can tell apart is there from the start, as bars that are still empty.
    const waiting = state === "idle" && this.#labels.length <= FIXED_BARS;
    this.#result.hidden = !waiting;
    byId("label", HTMLElement).textContent = "";
    if (waiting) this.#showBars(this.#labels.map((label) => ({ label, probability: 0 })));
    this.#progress.hidden = true;
    byId("message-title", HTMLElement).textContent = message.title;
    byId("message-text", HTMLElement).textContent = message.text;
    this.#offer(message.action, act);
  }

  /** A picture is on its way to be answered: what that is written with is made meanwhile. */
  busy() {
    this.#box.setAttribute("aria-busy", "true");
    setTimeout(() => percent(0));
  }

  /**
   * One statement: the class and how sure, or what it may be without a number that would say otherwise.
   * @param {Ranked[]} found the most probable first
   * @param {Timing} timing
   * @param {boolean} live one of a stream: calmed, and spoken only when it has stood
   */
  show(found, timing, live) {
    if (!live) this.#steady = undefined;
    else this.#steady ??= new Steady(this.#threshold);
    const ranked = this.#steady?.add(found, performance.now()) ?? found;
    const [best] = ranked;
    const sure = best.probability >= this.#threshold;
    this.#box.removeAttribute("aria-busy");
    this.#box.dataset.state = sure ? "sure" : "unsure";
    this.#message.hidden = true;
    this.#result.hidden = false;
    const named = this.#multilabel && sure ? ranked.filter((r) => r.probability >= this.#threshold) : [best];
    const statement = sure ? named.map((r) => r.label).join(", ") : sayUnsure(best);
    const detail = sure ? named.map((r) => percent(r.probability)).join(", ") : words.notSureEnough;
    const label = byId("label", HTMLElement);
    write(label, statement);
    label.dataset.length = statement.length > 40 ? "long" : statement.length > 12 || !sure ? "medium" : "short";
    write(byId("eyebrow", HTMLElement), sure ? words.looksLike : "");
    write(byId("detail", HTMLElement), detail);
    this.#showBars(ranked);
    const spoken = fill(words.spoken, { answer: statement, detail });
    if (!live) this.#speak(spoken);
    else this.#speakWhenSteady(sure ? statement : spoken);
    // How long it took is the last thing to know; the first time, it takes longer to write than to compute.
    setTimeout(() => {
      const times = { time: milliseconds(timing.total), model: milliseconds(timing.model) };
      write(byId("timing", HTMLElement), fill(words.answered, times));
    });
  }

  /** @param {string} text */
  announce(text) {
    this.#speak(text);
  }

  /** @param {Ranked[]} ranked */
  #showBars(ranked) {
    const fixed = this.#labels.length <= FIXED_BARS;
    const rows = fixed ? inOrder(ranked, this.#labels) : ranked.slice(0, RANKED_BARS);
    while (this.#bars.length < rows.length) this.#bars.push(this.#addBar());
    rows.forEach(({ label, probability }, i) => {
      const { row, name, value } = this.#bars[i];
      write(name, label);
      write(value, percent(probability));
      row.style.setProperty("--share", String(probability));
      const best = this.#multilabel
        ? probability >= this.#threshold
        : label === ranked[0].label && probability === ranked[0].probability;
      row.classList.toggle("bar-best", best && probability > 0);
    });
  }

  #addBar() {
    const row = make("li", "bar");
    const name = make("span", "bar-label");
    name.dir = "auto";
    const track = make("span", "bar-track");
    track.setAttribute("aria-hidden", "true");
    track.append(make("span", "bar-fill"));
    const value = make("span", "bar-value");
    row.append(name, track, value);
    byId("bars", HTMLElement).append(row);
    return { row, name, value };
  }

  /** @param {string} text */
  #speakWhenSteady(text) {
    const now = performance.now();
    if (text !== this.#standing.text) this.#standing = { text, since: now };
    else if (text !== this.#spoken && now - this.#standing.since > STEADY_MS) this.#speak(text);
  }

  /** @param {string} text */
  #speak(text) {
    this.#spoken = text;
    this.#live.textContent = text;
  }
}

/**
 * @param {Ranked[]} ranked
 * @param {string[]} labels
 */
function inOrder(ranked, labels) {
  const byLabel = new Map(ranked.map((entry) => [entry.label, entry]));
  return labels.map((label) => byLabel.get(label) ?? { label, probability: 0 });
}
