// Pictures dropped, pasted, or chosen: one, several, or a folder of them.
import { byId } from "./elements.js";

/**
 * @param {(files: File[]) => void} take
 * @param {(over: boolean) => void} setDropping
 * @param {() => void} onNone there was no picture among what was chosen or dropped
 */
export function listenForPictures(take, setDropping, onNone) {
  const give = (/** @type {File[]} */ files) => {
    if (files.length) take(files);
  };
  listenToInput("choose", "file", give);
  // In a folder there may be anything: what is no picture by its name is left out.
  const giveOrSay = (/** @type {File[]} */ files) => (files.length ? take(files) : onNone());
  listenToInput("choose-folder", "folder", (files) => giveOrSay(files.filter(isPicture)));
  document.addEventListener("paste", (event) => give([...(event.clipboardData?.files ?? [])]));

  // Entering a child fires before leaving its parent: count both to know when the pointer has left the page.
  let depth = 0;
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragenter", (event) => {
    if (hasFiles(event)) setDropping(++depth > 0);
  });
  document.addEventListener("dragleave", (event) => {
    if (hasFiles(event)) setDropping(--depth > 0);
  });
  document.addEventListener("dragover", (event) => event.preventDefault());
  // Before any part of the page that keeps a drop for itself.
  document.addEventListener(
    "drop",
    () => {
      depth = 0;
      setDropping(false);
    },
    { capture: true },
  );
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    const transfer = event.dataTransfer;
    // What was dropped is forgotten before a folder has been read.
    const hand = hasFiles(event) ? giveOrSay : give;
    if (transfer) void dropped(transfer).then(hand);
  });
}

/**
 * @param {string} buttonId
 * @param {string} inputId
 * @param {(files: File[]) => void} give
 */
function listenToInput(buttonId, inputId, give) {
  const input = byId(inputId, HTMLInputElement);
  byId(buttonId, HTMLButtonElement).addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    give([...(input.files ?? [])]);
    // So that choosing the same file again is a change again.
    input.value = "";
  });
}

/** By its type, or by its name where the browser has no type for it. @param {File} file */
const isPicture = ({ type, name }) => type.startsWith("image/") || (!type && /\.(heic|heif|avif|jxl)$/i.test(name));

/**
 * @param {DataTransfer} transfer
 * @returns {Promise<File[]>} also those inside of dropped folders
 */
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.());
  if (!entries.some((entry) => entry?.isDirectory)) return [...transfer.files];
  const found = await Promise.all(entries.map((entry) => (entry ? filesIn(entry) : [])));
  return found.flat();
}

/**
 * @param {FileSystemEntry} entry
 * @returns {Promise<File[]>}
 */
async function filesIn(entry) {
  if (entry.isFile) {
    /** @type {File} */
    const file = await new Promise((resolve) =>
      // One that may not be read is left out like one that is no picture.
      /** @type {FileSystemFileEntry} */ (entry).file(resolve, () => resolve(new File([], ""))),
    );
    return isPicture(file) ? [file] : [];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {File[]} */
  const files = [];
  // A reader gives a hundred at a time, and none when it is through.
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve) =>
      // A folder that may not be read, or no longer, gives what it gave so far.
      reader.readEntries(resolve, () => resolve([])),
    );
    if (!some.length) return files;
    for (const inner of some) files.push(...(await filesIn(inner)));
  }
}
