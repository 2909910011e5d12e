// Pictures dropped, pasted, or chosen.
import { byId } from "./elements.js";

/**
 * @param {(file: File) => void} take
 * @param {(over: boolean) => void} setDropping
 */
export function listenForPictures(take, setDropping) {
  const input = byId("file", HTMLInputElement);
  byId("choose", HTMLButtonElement).addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    takeFirst(input.files, take);
    // So that choosing the same file again is a change again.
    input.value = "";
  });

  document.addEventListener("paste", (event) => takeFirst(event.clipboardData?.files, take));

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
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    setDropping(false);
    takeFirst(event.dataTransfer?.files, take);
  });
}

/**
 * @param {FileList | null | undefined} files
 * @param {(file: File) => void} take
 */
function takeFirst(files, take) {
  if (files?.[0]) take(files[0]);
}
