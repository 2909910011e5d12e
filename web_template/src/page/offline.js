// The service worker: offline after the first visit, and one whole version at a time.
import { byId } from "./elements.js";
import { whereIs } from "../loading/files.js";
import { sha256 } from "../loading/sha256.js";
import { home } from "./home.js";

/** Registers the worker of the version that the server has now, and offers it when it is ready. */
export async function keepOffline() {
  // A page that carries its files in itself is offline already.
  if (!("serviceWorker" in navigator) || whereIs(home, "manifest.json") instanceof Blob) return;
  const container = navigator.serviceWorker;
  // Reload only a page that an older version served; the first worker of all changes nothing on it.
  if (container.controller) container.addEventListener("controllerchange", () => location.reload());
  const known = await container.getRegistration();
  const address = await newestWorker();
  if (!address) {
    // No server, or no manifest: what is kept stays.
    if (known?.active) sayOffline();
    return;
  }
  const registration = await container.register(address).catch(() => undefined);
  if (!registration) return;
  const offer = () => {
    if (registration.active) sayOffline();
    const { waiting } = registration;
    if (!waiting || !container.controller) return;
    byId("update", HTMLElement).hidden = false;
    byId("update-now", HTMLButtonElement).onclick = () => waiting.postMessage("take over");
  };
  offer();
  const watch = (/** @type {ServiceWorker | null} */ worker) => worker?.addEventListener("statechange", offer);
  watch(registration.installing);
  registration.addEventListener("updatefound", () => watch(registration.installing));
}

/** @returns {Promise<string | undefined>} undefined where the server cannot be asked */
async function newestWorker() {
  try {
    const response = await fetch("manifest.json", { cache: "no-store" });
    if (!response.ok) return undefined;
    return `sw.js?v=${await sha256(await response.arrayBuffer())}`;
  } catch {
    return undefined;
  }
}

function sayOffline() {
  byId("offline", HTMLElement).classList.remove("pill-later");
}
