// Several pictures at once: a table of answers, and the same as CSV.
import { byId, button, make, save } from "./elements.js";
import { integer, percent } from "./format.js";
import { fillCount, sayUnsure, words } from "./words.js";

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
  #multilabel = false;
  #onPick;
  #onAnnounce;
  /** @type {Row[]} */
  #rows = [];
  /** @type {string[]} */
  #addresses = [];
  /** Counts runs, so that a run knows that another one took over. */
  #turn = 0;

  /**
   * @param {(file: File) => void} onPick one row was chosen to be looked at
   * @param {(text: string) => void} onAnnounce what those should hear who do not see the table
   */
  constructor(onPick, onAnnounce) {
    this.#onPick = onPick;
    this.#onAnnounce = onAnnounce;
    this.#save.addEventListener("click", () => this.#download());
    byId("batch-close", HTMLButtonElement).addEventListener("click", () => {
      this.close();
      byId("choose", HTMLButtonElement).focus();
    });
  }

  close() {
    this.#turn++;
    this.#section.hidden = true;
    this.#clear();
  }

  /**
   * One after the other, so that the answers come in the order of the pictures.
   * @param {File[]} files
   * @param {{ threshold: number, multilabel?: boolean }} decision as a predictor has it
   * @param {Ask} ask
   * @throws what ask() throws, where it is no matter of the picture; what was answered before stays
   */
  async run(files, { threshold, multilabel = false }, ask) {
    const turn = ++this.#turn;
    this.#clear();
    this.#threshold = threshold;
    this.#multilabel = multilabel;
    this.#section.hidden = false;
    // It is shown in the mode whose model answers.
    this.#section.classList.toggle("batch-taught", document.documentElement.classList.contains("teaching"));
    this.#save.disabled = true;
    this.#progress.hidden = false;
    this.#section.scrollIntoView({ block: "nearest" });
    try {
      for (const [done, file] of files.entries()) {
        this.#title.textContent = fillCount(words.batchRunning, files.length, { done: integer(done) });
        if (!done) this.#onAnnounce(this.#title.textContent);
        this.#progress.value = done / files.length;
        const ranked = await ask(file).catch(noneOfAPicture);
        if (turn !== this.#turn) return;
        this.#add({ file, ranked });
      }
      this.#onAnnounce(fillCount(words.pictures, files.length));
    } catch (error) {
      if (turn === this.#turn) throw error;
    } finally {
      if (turn === this.#turn) {
        this.#section.hidden = !this.#rows.length;
        this.#title.textContent = fillCount(words.pictures, this.#rows.length);
        this.#progress.hidden = true;
        this.#save.disabled = !this.#rows.length;
      }
    }
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
      const named = this.#named(row);
      const sure = named.length > 0;
      answer.textContent = sure ? named.map(({ label }) => label).join(", ") : sayUnsure(best);
      answer.className = sure ? "batch-answer" : "batch-answer batch-unsure";
      answer.dir = "auto";
      share.textContent = sure ? named.map((one) => percent(one.probability)).join(", ") : words.notSure;
    } else {
      answer.append(make("span", "batch-failed", words.notReadable));
    }
    line.append(picture, answer, share, name);
    this.#body.append(line);
  }

  /** What it is sure of: one label, or as many as a picture may have. @param {Row} row */
  #named({ ranked = [] }) {
    return ranked.slice(0, this.#multilabel ? undefined : 1).filter((one) => one.probability >= this.#threshold);
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
    const answer = (/** @type {Row} */ row) => {
      const named = this.#named(row).map(({ label }) => label);
      return named.join(", ") || (row.ranked?.[0].label ?? "");
    };
    save(new Blob([toCsv(this.#rows, answer)], { type: "text/csv" }), words.csv.name);
  }
}

/** @param {unknown} error @throws what is no matter of the picture @returns {undefined} */
function noneOfAPicture(error) {
  if (/** @type {{ code?: string }} */ (error).code !== "picture") throw error;
  return undefined;
}

/**
 * RFC 4180, with a byte order mark so that spreadsheets read UTF-8.
 * @param {Row[]} rows
 * @param {(row: Row) => string} answer
 */
function toCsv(rows, answer) {
  const labels =
    rows
      .find(({ ranked }) => ranked)
      ?.ranked?.map(({ label }) => label)
      .sort() ?? [];
  const lines = rows.map((row) => {
    const { file, ranked } = row;
    const shares = new Map(ranked?.map(({ label, probability }) => [label, probability.toFixed(6)]));
    return [file.webkitRelativePath || file.name, answer(row), ...labels.map((l) => shares.get(l) ?? "")];
  });
  return `\ufeff${[[words.csv.file, words.csv.answer, ...labels], ...lines].map((line) => line.map(cell).join(",")).join("\r\n")}\r\n`;
}

/** A leading sign would make a spreadsheet run the text as a formula. @param {string} text */
const cell = (text) => `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
