// The model's card: the measured numbers of report.json, or plainly that they were not measured.
import { byId, make } from "./elements.js";
import { fetchFile } from "../files.js";
import { exactPercent, integer, kilobytes } from "./format.js";
import { home } from "./home.js";

/**
 * @typedef {object} Report
 * @property {{ pictures: number, classes: number, skipped: number, split: "group" | "random" } | null} [dataset]
 * @property {{ n: number, float: number | null, exported: number | null, interval95: [number, number] | null } | null} [accuracy]
 * @property {{ mode: string, float_bytes: number, bytes: number, top1_agreement: number | null } | null} [quantization]
 * @property {{ browser: string, backend: string, pictures: number, top1_agreement: number, max_abs_diff: number } | null} [parity]
 * @property {{ page: number, runtime: number, model: number, total: number, total_gzip: number } | null} [bytes]
 *
 * @typedef {{ value: string, note?: string } | undefined} Fact
 */

const NOT_MEASURED = "not measured";

/** Fills the card from report.json; where it is missing, each fact says so. */
export async function fillCard() {
  /** @type {Report} */
  let report = {};
  try {
    report = JSON.parse(new TextDecoder().decode(await fetchFile(home, "report.json")));
  } catch {
    // The card is no condition for answers: without a report it says 'not measured'.
  }
  setFact("fact-accuracy", accuracy(report));
  setFact("fact-training", training(report));
  setFact("fact-parity", parity(report));
  setFact("fact-size", size(report));
  setFact("fact-quantization", quantization(report));
  setTrust(report);
}

/**
 * @param {string} id
 * @param {Fact} fact
 */
function setFact(id, fact) {
  const value = byId(id, HTMLElement).querySelector("dd");
  if (!value) return;
  value.className = fact ? "" : "pending";
  value.textContent = fact ? fact.value : NOT_MEASURED;
  if (fact?.note) value.append(make("span", "fact-note", fact.note));
}

/** @param {Report} report */
function setTrust({ parity }) {
  const pill = byId("trust", HTMLElement);
  const checked = Boolean(parity?.pictures);
  pill.textContent = checked ? `Checked in ${parity?.browser}` : "Not verified in a browser";
  pill.classList.add(checked ? "pill-good" : "pill-warn");
  pill.hidden = false;
}

/** @param {Report} report @returns {Fact} */
function accuracy({ accuracy, dataset }) {
  const share = accuracy?.exported ?? accuracy?.float;
  if (!accuracy || share == null) return undefined;
  const pictures = `on ${integer(accuracy.n)} pictures kept out of training`;
  const split = dataset?.split === "group" ? ", from groups it never saw" : dataset ? ", split at random" : "";
  const [low, high] = accuracy.interval95 ?? [];
  const interval = low == null || high == null ? "" : `; 95% interval ${exactPercent(low)} to ${exactPercent(high)}`;
  return { value: exactPercent(share), note: `${pictures}${split}${interval}` };
}

/** @param {Report} report @returns {Fact} */
function training({ dataset }) {
  if (!dataset) return undefined;
  const skipped = dataset.skipped ? `; ${integer(dataset.skipped)} could not be read` : "";
  return { value: `${integer(dataset.pictures)} pictures`, note: `in ${integer(dataset.classes)} classes${skipped}` };
}

/** @param {Report} report @returns {Fact} */
function parity({ parity }) {
  if (!parity?.pictures) return { value: "Not verified in a browser" };
  const difference = parity.max_abs_diff.toExponential(0);
  return {
    value: `${exactPercent(parity.top1_agreement)} the same`,
    note: `${integer(parity.pictures)} pictures, ${parity.browser} against Python; largest difference ${difference}`,
  };
}

/** @param {Report} report @returns {Fact} */
function size({ bytes }) {
  if (!bytes) return undefined;
  const parts = `model ${kilobytes(bytes.model)}, runtime ${kilobytes(bytes.runtime)}, page ${kilobytes(bytes.page)}`;
  return { value: `${kilobytes(bytes.total_gzip)} in all`, note: `compressed; unpacked: ${parts}` };
}

/** @param {Report} report @returns {Fact} */
function quantization({ quantization }) {
  if (!quantization) return undefined;
  const { mode, float_bytes, bytes, top1_agreement } = quantization;
  const kept = top1_agreement == null ? "" : `; ${exactPercent(top1_agreement)} of the answers kept`;
  return {
    value: mode === "none" ? "float32, not quantised" : mode,
    note: mode === "none" ? kilobytes(bytes) : `${kilobytes(bytes)} instead of ${kilobytes(float_bytes)}${kept}`,
  };
}
