// The model's card: the measured numbers of report.json, or plainly that they were not measured.
import { byId, make } from "./elements.js";
import { fetchFile } from "../loading/files.js";
import { exactPercent, integer, kilobytes } from "./format.js";
import { home } from "./home.js";
import { fill, fillCount, words } from "./words.js";

/**
 * @typedef {object} Report
 * @property {{ pictures: number, classes: number, skipped: number, split: "group" | "given" | "random" } | null} [dataset]
 * @property {{ n: number, float: number | null, exported: number | null, interval95: [number, number] | null,
 *   folds?: number | null } | null} [accuracy]
 * @property {{ mode: string, float_bytes: number, bytes: number, top1_agreement: number | null } | null} [quantization]
 * @property {{ browser: string, backend: string, pictures: number, top1_agreement: number, max_abs_diff: number } | null} [parity]
 * @property {{ runtime: string | null, pictures: number, top1_agreement: number, max_abs_diff: number, why_not?: string,
 *   page?: { top1_agreement: number, max_abs_diff: number } }} [original]
 * @property {{ range: string, why: string, guessed: boolean }} [input]
 * @property {{ page: number, runtime: number, model: number, total: number, total_gzip: number } | null} [bytes]
 *
 * @typedef {{ value: string, note?: string } | undefined} Fact
 */

const FACTS = /** @type {const} */ (["accuracy", "training", "parity", "original", "size", "quantization"]);

/**
 * Takes what stands in the card now: a page that was taught puts its own in the place of it, and gives it back.
 * @returns {() => Promise<void>} fills it from report.json; where that is missing, each fact says so
 */
export function openCard() {
  const facts = Object.fromEntries(FACTS.map((name) => [name, byId(`fact-${name}`, HTMLElement)]));
  const count = byId("classes-count", HTMLElement).firstChild;
  return () => fillCard(facts, count);
}

/** @param {Record<string, HTMLElement>} facts @param {Node | null} count */
async function fillCard(facts, count) {
  if (count) count.nodeValue = integer(Number(count.nodeValue));
  /** @type {Report} */
  let report = {};
  try {
    report = JSON.parse(new TextDecoder().decode(await fetchFile(home, "report.json")));
  } catch {
    // The card is no condition for answers: without a report it says 'not measured'.
  }
  const found = { accuracy, training, parity, original, size, quantization };
  for (const name of FACTS) setFact(facts[name], found[name](report));
  // A model made elsewhere does not say what it was made from.
  facts.training.hidden = !report.dataset;
  // A model that was trained here has no original elsewhere.
  facts.original.hidden = !report.original;
  setTrust(report);
}

/**
 * @param {HTMLElement} row
 * @param {Fact} fact
 */
function setFact(row, fact) {
  const value = row.querySelector("dd");
  if (!value) return;
  value.className = fact ? "" : "pending";
  value.textContent = fact ? fact.value : words.notMeasured;
  if (fact?.note) value.append(make("span", "fact-note", fact.note));
}

/** @param {Report} report */
function setTrust({ parity }) {
  const pill = byId("trust", HTMLElement);
  pill.textContent = parity?.pictures ? fill(words.checkedIn, { browser: parity.browser }) : words.notVerified;
  pill.classList.add(parity?.pictures ? "pill-good" : "pill-warn");
  pill.classList.remove("pill-later");
}

/** @param {Report} report @returns {Fact} */
function accuracy({ accuracy, dataset }) {
  const share = accuracy?.exported ?? accuracy?.float;
  if (!accuracy || share == null) return undefined;
  const splits = { group: words.byGroup, given: words.asGiven, random: words.atRandom };
  const split = dataset && splits[dataset.split];
  const [low, high] = accuracy.interval95 ?? [];
  const interval =
    low != null && high != null && fill(words.interval, { low: exactPercent(low), high: exactPercent(high) });
  const on = accuracy.folds
    ? fill(words.crossValidated, { n: integer(accuracy.n) })
    : fillCount(words.accuracyNote, accuracy.n);
  return { value: exactPercent(share), note: list(on, accuracy.folds ? undefined : split, interval) };
}

/** @param {Report} report @returns {Fact} */
function training({ dataset }) {
  if (!dataset) return undefined;
  const skipped = dataset.skipped > 0 && fillCount(words.skipped, dataset.skipped);
  return {
    value: fillCount(words.pictures, dataset.pictures),
    note: list(fillCount(words.inClasses, dataset.classes), skipped),
  };
}

/** @param {Report} report @returns {Fact} */
function parity({ parity }) {
  if (!parity?.pictures) return { value: words.notVerified };
  const { browser, max_abs_diff, top1_agreement, pictures } = parity;
  const all = top1_agreement === 1;
  return {
    value: all
      ? fillCount(words.sameAll, pictures)
      : fillCount(words.same, pictures, { share: exactPercent(top1_agreement) }),
    note: fill(words.parityNote, { browser, difference: max_abs_diff.toExponential(0) }),
  };
}

/** @param {Report} report @returns {Fact} */
function original({ original, input }) {
  const guessed = input?.guessed && fill(words.rangeGuessed, { range: input.range });
  if (!original?.runtime) return { value: words.notCompared, note: list(guessed, original?.why_not) };
  const { runtime, pictures, max_abs_diff } = original;
  const share = original.page?.top1_agreement ?? original.top1_agreement;
  const difference = max_abs_diff.toExponential(0);
  return {
    value:
      share === 1
        ? fillCount(words.sameAll, pictures)
        : fillCount(words.same, pictures, { share: exactPercent(share) }),
    note: list(guessed, fill(words.parityNote, { browser: runtime, difference })),
  };
}

/** @param {Report} report @returns {Fact} */
function size({ bytes }) {
  if (!bytes) return undefined;
  const { model, runtime, page } = bytes;
  return {
    value: fill(words.inAll, { size: kilobytes(bytes.total_gzip) }),
    note: fill(words.sizeNote, { model: kilobytes(model), runtime: kilobytes(runtime), page: kilobytes(page) }),
  };
}

/** @param {Report} report @returns {Fact} */
function quantization({ quantization }) {
  if (!quantization) return undefined;
  const { mode, float_bytes, bytes, top1_agreement } = quantization;
  if (mode === "none") return { value: words.unquantized, note: kilobytes(bytes) };
  const kept = top1_agreement != null && fill(words.kept, { share: exactPercent(top1_agreement) });
  return {
    value: mode === "auto" ? words.fewestBytes : mode,
    note: list(fill(words.instead, { size: kilobytes(bytes), before: kilobytes(float_bytes) }), kept),
  };
}

/** What there is to say, one after the other. @param {(string | false | null | undefined)[]} parts */
const list = (...parts) => parts.filter(Boolean).join(" · ");
