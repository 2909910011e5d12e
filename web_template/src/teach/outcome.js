// Training's part of the panel: what to mind before, the button, and what was measured after.
import { button, make, write } from "../page/elements.js";
import { exactPercent, integer } from "../page/format.js";
import { fillCount, fill, teachWords as words } from "../page/words.js";

/**
 * @typedef {import("./head.js").Head} Head
 * @typedef {object} Shown
 * @property {string} [obstacle] why training cannot start
 * @property {string[]} advice what to mind
 * @property {boolean} changed since the head was trained
 * @property {boolean} training whether another is being trained
 * @property {Head} [head]
 */

/** A larger table would be looked at by nobody. */
const MOST_CLASSES = 12;

export class Outcome {
  #train = button("button button-primary", words.train);
  #progress = document.createElement("progress");
  #status = make("p", "teach-status");
  #advice = make("ul", "advice");
  #measured = make("div", "teach-measured");
  /** @type {Head | undefined} */
  #drawn;
  element = make("div", "outcome");

  /** What is advised at present. */
  #advised = "";

  /** @param {() => void} train */
  constructor(train) {
    this.#train.addEventListener("click", train);
    this.#progress.hidden = true;
    this.#progress.max = 1;
    this.#progress.setAttribute("aria-label", words.train);
    this.#status.setAttribute("role", "status");
    this.#advice.setAttribute("role", "list");
    const row = make("div", "outcome-row");
    row.append(this.#train);
    this.element.append(this.#advice, row, this.#progress, this.#status, this.#measured);
  }

  /** @param {Shown} shown */
  show({ obstacle, advice, changed, training, head }) {
    this.#train.disabled = Boolean(obstacle);
    // A button that is disabled while it is pressed loses the focus.
    this.#train.setAttribute("aria-disabled", String(training));
    this.#train.textContent = head ? words.trainAgain : words.train;
    this.#train.classList.toggle("button-primary", !head || changed);
    if (training) this.say(words.training);
    else if (obstacle) this.say(obstacle);
    else if (!head) this.say(words.notTrained);
    else if (changed) this.say(words.changed);
    // It is asked many times a second while pictures come in.
    if (this.#advised !== advice.join("\n"))
      this.#advice.replaceChildren(...advice.map((line) => make("li", "", line)));
    this.#advised = advice.join("\n");
    if (this.#drawn === head) return;
    this.#drawn = head;
    this.#measured.replaceChildren(...(head ? measured(head) : []));
  }

  /** @param {string} text */
  say(text) {
    write(this.#status, text);
  }

  /** @param {number} done 0..1 */
  progress(done) {
    this.#train.setAttribute("aria-disabled", "true");
    this.#progress.hidden = false;
    this.#progress.value = done;
    this.say(words.training);
  }

  /** @param {Shown} shown */
  done(shown) {
    this.#progress.hidden = true;
    this.show(shown);
    if (shown.head && !shown.changed && !shown.obstacle) this.say(words.trained);
  }

  /** @param {string} reason */
  failed(reason) {
    this.#progress.hidden = true;
    this.#train.setAttribute("aria-disabled", "false");
    this.say(fill(words.failed, { reason }));
  }
}

/** @param {Head} head @returns {HTMLElement[]} */
function measured({ heldOut: { asked, right, confusion }, examples, labels }) {
  if (!examples) return [make("p", "", words.imported)];
  if (!asked) return [make("p", "", words.notHeldOut)];
  const values = { right: integer(right), share: exactPercent(right / asked) };
  const whole = make("p", "", fillCount(words.heldOut, asked, values));
  if (!confusion || labels.length > MOST_CLASSES) return [whole];
  return [whole, perClass(labels, confusion), ...(right < asked ? [mixedUp(labels, confusion)] : [])];
}

/** How often each class was answered correctly. @param {string[]} labels @param {number[][]} confusion */
function perClass(labels, confusion) {
  const list = make("ul", "per-class");
  labels.forEach((label, i) => {
    const all = confusion[i].reduce((sum, n) => sum + n, 0);
    const row = make("li", "per-class-row");
    const name = make("span", "per-class-name", label);
    name.dir = "auto";
    const track = make("span", "bar-track");
    track.setAttribute("aria-hidden", "true");
    const bar = make("span", "bar-fill");
    bar.style.setProperty("--share", String(all ? confusion[i][i] / all : 0));
    track.append(bar);
    const share = all ? fill(words.outOf, { right: integer(confusion[i][i]), n: integer(all) }) : words.notAsked;
    row.append(name, track, make("span", "per-class-share", share));
    list.append(row);
  });
  return list;
}

/** What it mixes up: a row for what a picture is, a column for what it was taken for. @param {string[]} labels @param {number[][]} confusion */
function mixedUp(labels, confusion) {
  const scroll = make("div", "confusion");
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "group");
  scroll.setAttribute("aria-label", words.mixedUp);
  const table = document.createElement("table");
  const cell = (/** @type {string} */ tag, /** @type {string} */ text, scope = "") => {
    const made = make(tag, "", text);
    if (scope) made.setAttribute("scope", scope);
    if (scope) made.dir = "auto";
    return made;
  };
  const head = document.createElement("tr");
  head.append(cell("td", words.isTakenFor), ...labels.map((label) => cell("th", label, "col")));
  const rows = labels.map((label, i) => {
    const row = document.createElement("tr");
    const cells = confusion[i].map((n, j) => {
      const made = cell("td", n ? integer(n) : "·");
      if (n) made.className = i === j ? "confusion-right" : "confusion-wrong";
      return made;
    });
    row.append(cell("th", label, "row"), ...cells);
    return row;
  });
  table.append(make("caption", "", words.mixedUp), head, ...rows);
  scroll.append(table);
  return scroll;
}
