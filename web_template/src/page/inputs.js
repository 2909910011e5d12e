// Pictures dropped, pasted, or chosen: one, several, or a folder of them.
import { byId } from "./elements.js";

/**
 * @param {(files: File[]) => void} take
 * @param {(over: boolean) => void} setDropping
 */
export function listenForPictures(take, setDropping) {
  const give = (/** @type {File[]} */ files) => {
    if (files.length) take(files);
  };
  listenToInput("choose", "file", give);
  // In a folder there may be anything: what is no picture by its name is left out.
  listenToInput("choose-folder", "folder", (files) => give(files.filter(({ type }) => type.startsWith("image/"))));
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
    if (transfer) void dropped(transfer).then(give);
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
    const file = await new Promise((resolve, reject) =>
      /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject),
    );
    return file.type.startsWith("image/") ? [file] : [];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {File[]} */
  const files = [];
  // A reader gives a hundred at a time, and none when it is through.
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return files;
    for (const inner of some) files.push(...(await filesIn(inner)));
  }
}
