// Live answers that can be read: the mean of the last moments, changed only when something else has led for a while.

/** @typedef {import("./answer.js").Ranked} Ranked */

/** Answers of the last so many milliseconds count. */
const WINDOW_MS = 500;
/** What is shown changes when another answer has led for so long, and its number as often. */
const DWELL_MS = 250;

export class Steady {
  #threshold;
  /** @type {{ at: number, ranked: Ranked[] }[]} */
  #recent = [];
  /** @type {{ at: number, ranked: Ranked[], text: string } | undefined} */
  #shown;
  /** What would be shown, and since when. @type {{ text: string, since: number }} */
  #next = { text: "", since: 0 };

  /** @param {number} threshold below it an answer is not sure */
  constructor(threshold) {
    this.#threshold = threshold;
  }

  /**
   * @param {Ranked[]} ranked a frame's answer
   * @param {number} at milliseconds, of any clock
   * @returns {Ranked[]} what to show, the most probable first
   */
  add(ranked, at) {
    const last = this.#recent.at(-1);
    this.#recent = [...this.#recent.filter((frame) => at - frame.at < WINDOW_MS), { at, ranked }];
    const mean = meanOf(this.#recent.map((frame) => frame.ranked));
    const text = `${mean[0].probability >= this.#threshold} ${mean[0].label}`;
    if (text !== this.#next.text) this.#next = { text, since: at };
    // Where frames come seldom, each is waited for already.
    const isSlow = last !== undefined && at - last.at > DWELL_MS;
    const shown = this.#shown;
    const isDue = !shown || isSlow || (text === shown.text ? at - shown.at : at - this.#next.since) >= DWELL_MS;
    if (isDue) this.#shown = { at, ranked: mean, text };
    return (this.#shown ?? { ranked: mean }).ranked;
  }
}

/** @param {Ranked[][]} frames @returns {Ranked[]} the most probable first */
function meanOf(frames) {
  /** @type {Map<string, number>} */
  const sums = new Map();
  for (const { label, probability } of frames.flat())
    sums.set(label, (sums.get(label) ?? 0) + probability / frames.length);
  return [...sums]
    .map(([label, probability]) => ({ label, probability }))
    .sort((a, b) => b.probability - a.probability);
}
