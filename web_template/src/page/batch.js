// Several pictures at once: a table of answers, and the same as CSV.
import { byId, button, make } from "./elements.js";
import { integer, percent } from "./format.js";
import { fill, fillCount, words } from "./words.js";

/**
 * @typedef {import("./answer.js").Ranked} Ranked
 * @typedef {{ file: File, ranked: Ranked[] | undefined }} Row without an answer: it is no picture
 * @typedef {(file: File) => Promise<Ranked[]>} Ask
 */

export class Batch {
  #section = byId("batch", HTMLElement);
  #title = byId("batch-heading", HTMLElement);
  #body = byId("batch-rows", HTMLElement);
  #save = byId("batch-csv", HTMLButtonElement);
  #progress = byId("batch-progress", HTMLProgressElement);
  #threshold = 0;
  #onPick;
  /** @type {Row[]} */
  #rows = [];
  /** @type {string[]} */
  #addresses = [];
  /** Counts runs, so that a run knows that another one took over. */
  #turn = 0;

  /** @param {(file: File) => void} onPick one row was chosen to be looked at */
  constructor(onPick) {
    this.#onPick = onPick;
    this.#save.addEventListener("click", () => this.#download());
    byId("batch-close", HTMLButtonElement).addEventListener("click", () => this.close());
  }

  close() {
    this.#turn++;
    this.#section.hidden = true;
    this.#clear();
  }

  /**
   * One after the other, so that the answers come in the order of the pictures.
   * @param {File[]} files
   * @param {number} threshold
   * @param {Ask} ask
   */
  async run(files, threshold, ask) {
    const turn = ++this.#turn;
    this.#clear();
    this.#threshold = threshold;
    this.#section.hidden = false;
    // It is shown in the mode whose model answers.
    this.#section.classList.toggle("batch-taught", document.documentElement.classList.contains("teaching"));
    this.#save.disabled = true;
    this.#progress.hidden = false;
    this.#section.scrollIntoView({ block: "nearest" });
    for (const [done, file] of files.entries()) {
      this.#title.textContent = fillCount(words.batchRunning, files.length, { done: integer(done) });
      this.#progress.value = done / files.length;
      const ranked = await ask(file).catch(() => undefined);
      if (turn !== this.#turn) return;
      this.#add({ file, ranked });
    }
    this.#title.textContent = fillCount(words.pictures, files.length);
    this.#progress.hidden = true;
    this.#save.disabled = false;
  }

  /** @param {Row} row */
  #add(row) {
    this.#rows.push(row);
    const line = document.createElement("tr");
    const [picture, name, answer, share] = ["td", "th", "td", "td"].map((tag) => document.createElement(tag));
    name.setAttribute("scope", "row");
    const pick = button("batch-name", row.file.name);
    pick.dir = "auto";
    pick.addEventListener("click", () => this.#onPick(row.file));
    name.append(pick);
    const best = row.ranked?.[0];
    if (best) {
      picture.append(this.#thumbnail(row.file));
      const sure = best.probability >= this.#threshold;
      answer.textContent = sure ? best.label : fill(words.probably, { label: best.label });
      answer.className = sure ? "batch-answer" : "batch-answer batch-unsure";
      answer.dir = "auto";
      share.textContent = sure ? percent(best.probability) : words.notSure;
    } else {
      answer.append(make("span", "batch-failed", words.notReadable));
    }
    line.append(picture, answer, share, name);
    this.#body.append(line);
  }

  /** @param {File} file */
  #thumbnail(file) {
    const image = document.createElement("img");
    image.src = URL.createObjectURL(file);
    this.#addresses.push(image.src);
    Object.assign(image, { alt: "", width: 40, height: 40, loading: "lazy", decoding: "async" });
    return image;
  }

  #clear() {
    this.#rows = [];
    this.#body.replaceChildren();
    this.#addresses.splice(0).forEach((address) => URL.revokeObjectURL(address));
  }

  #download() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([toCsv(this.#rows)], { type: "text/csv" }));
    link.download = words.csv.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }
}

/**
 * RFC 4180, with a byte order mark so that spreadsheets read UTF-8.
 * @param {Row[]} rows
 */
function toCsv(rows) {
  const labels =
    rows
      .find(({ ranked }) => ranked)
      ?.ranked?.map(({ label }) => label)
      .sort() ?? [];
  const lines = rows.map(({ file, ranked }) => {
    const shares = new Map(ranked?.map(({ label, probability }) => [label, probability.toFixed(6)]));
    return [file.webkitRelativePath || file.name, ranked?.[0].label ?? "", ...labels.map((l) => shares.get(l) ?? "")];
  });
  return `\ufeff${[[words.csv.file, words.csv.answer, ...labels], ...lines].map((line) => line.map(cell).join(",")).join("\r\n")}\r\n`;
}

/** A leading sign would make a spreadsheet run the text as a formula. @param {string} text */
const cell = (text) => `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
