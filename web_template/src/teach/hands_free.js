// Recording with both hands free: how long to wait, how many pictures, how far apart; kept for the next time.
import { make } from "../page/elements.js";
import { seconds } from "../page/format.js";
import { recall, remember } from "../loading/memory.js";
import { fillCount, words as pageWords, teachWords as words } from "../page/words.js";

const KEY = "hands-free";
const CHOICES = { wait: [0, 3, 5, 10], most: [5, 10, 20, 50], everyMs: [100, 250, 500, 1000] };
/** @typedef {{ wait: number, most: number, everyMs: number }} Settings seconds, pictures, milliseconds */

export class HandsFree {
  /** @type {Settings} */
  settings = { wait: 3, most: 20, everyMs: 250 };
  element = make("details", "hands-free");

  constructor() {
    const kept = recall(KEY)?.split(" ").map(Number) ?? [];
    /** @type {(keyof Settings)[]} */ (["wait", "most", "everyMs"]).forEach((name, i) => {
      if (CHOICES[name].includes(kept[i])) this.settings[name] = kept[i];
    });
    const row = make("div", "hands-free-row");
    row.append(
      this.#choice("wait", words.handsFreeWait, (n) => seconds(n * 1000)),
      this.#choice("most", words.handsFreeMost, (n) => fillCount(pageWords.pictures, n)),
      this.#choice("everyMs", words.handsFreeEvery, seconds),
    );
    this.element.append(make("summary", "", words.handsFreeSettings), row);
  }

  /** @param {keyof Settings} name @param {string} text @param {(n: number) => string} say */
  #choice(name, text, say) {
    const label = make("label", "hands-free-choice", text);
    const select = document.createElement("select");
    for (const n of CHOICES[name]) select.append(new Option(say(n), String(n), false, n === this.settings[name]));
    select.addEventListener("change", () => {
      this.settings[name] = Number(select.value);
      const { wait, most, everyMs } = this.settings;
      remember(KEY, [wait, most, everyMs].join(" "));
    });
    label.append(select);
    return label;
  }
}

/**
 * Counts down, a second each.
 * @param {number} seconds
 * @param {(left: number) => void} onSecond
 * @param {AbortSignal} signal
 * @returns {Promise<boolean>} false when it was called off
 */
export async function countDown(seconds, onSecond, signal) {
  for (let left = seconds; left > 0 && !signal.aborted; left--) {
    onSecond(left);
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, 1000);
      signal.addEventListener("abort", () => (clearTimeout(timer), resolve(undefined)), { once: true });
    });
  }
  return !signal.aborted;
}
