// Starts loading the model. Imported before all else: it is on its way before the page is drawn, or even read to its end.
import { fetchAhead } from "../loading/files.js";
import { load } from "../api/pagesight.js";
import { home } from "./home.js";

/** Told of each step once there is an interface to show it. @type {(bytes: number, total: number) => void} */
let show = () => {};

for (const hint of document.querySelectorAll("link[rel=preload][as=fetch]"))
  fetchAhead(home, hint.getAttribute("href") ?? "");
export const loading = load(home, {
  contractSha256: document.documentElement.dataset.contractSha256,
  onProgress: (bytes, total) => show(bytes, total),
});
// Whoever waits for it is told.
loading.catch(() => {});

/** @param {(bytes: number, total: number) => void} next */
export const onProgress = (next) => void (show = next);
