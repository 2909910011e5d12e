// Training's part of the panel: the button, the progress, what was measured, and who answers.
import { button, make } from "../page/elements.js";
import { exactPercent, integer, language, seconds } from "../page/format.js";
import { fill, fillCount, teachWords as words } from "../page/words.js";

/**
 * @typedef {import("./head.js").Head} Head
 * @typedef {{ train: () => void, use: (own: boolean) => void }} Actions
 */

const small = new Intl.NumberFormat(language, { maximumSignificantDigits: 2 });

export class Outcome {
  #train = button("button button-primary", words.train);
  #use = button("button", words.use);
  #progress = document.createElement("progress");
  #status = make("p", "teach-status");
  #measured = make("p", "teach-measured");
  element = make("div", "outcome");

  /** @param {Actions} actions */
  constructor(actions) {
    this.#train.addEventListener("click", () => actions.train());
    this.#use.addEventListener("click", () => actions.use(this.#use.getAttribute("aria-pressed") !== "true"));
    this.#progress.hidden = true;
    this.#progress.max = 1;
    this.#progress.setAttribute("aria-label", words.train);
    this.#status.setAttribute("role", "status");
    const row = make("div", "outcome-row");
    row.append(this.#train, this.#use);
    this.element.append(row, this.#progress, this.#status, this.#measured);
  }

  /** @param {string | undefined} obstacle why training cannot start @param {boolean} changed since the head was trained @param {Head | undefined} head */
  show(obstacle, changed, head) {
    this.#train.disabled = Boolean(obstacle);
    this.#train.textContent = head ? words.trainAgain : words.train;
    this.#use.hidden = !head;
    if (obstacle) this.say(obstacle);
    else if (!head) this.say(words.notTrained);
    else if (changed) this.say(words.changed);
    this.#measured.textContent = head ? measured(head) : "";
  }

  /** @param {string} text */
  say(text) {
    this.#status.textContent = text;
  }

  /** @param {number} done 0..1 @param {number} loss */
  progress(done, loss) {
    this.#train.disabled = true;
    this.#progress.hidden = false;
    this.#progress.value = done;
    this.say(fill(words.training, { loss: small.format(loss) }));
  }

  /** @param {Head} head @param {number} loss @param {number} milliseconds */
  done(head, loss, milliseconds) {
    this.#progress.hidden = true;
    this.show(undefined, false, head);
    this.say(fill(words.done, { time: seconds(milliseconds), loss: small.format(loss) }));
  }

  /** @param {string} reason */
  failed(reason) {
    this.#progress.hidden = true;
    this.#train.disabled = false;
    this.say(fill(words.failed, { reason }));
  }

  /** @param {boolean} own whether the taught head answers */
  setUsing(own) {
    this.#use.setAttribute("aria-pressed", String(own));
    this.#use.classList.toggle("button-on", own);
  }
}

/** @param {Head} head */
function measured({ heldOut: { asked, right }, examples }) {
  if (!examples) return words.imported;
  if (!asked) return words.notHeldOut;
  return fillCount(words.heldOut, asked, { right: integer(right), share: exactPercent(right / asked) });
}
