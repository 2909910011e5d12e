// Installing the page as an app, where the browser offers it; and whether there is a network.
import { byId } from "./elements.js";

/** @typedef {Event & { prompt: () => Promise<unknown> }} InstallEvent Chromium's beforeinstallprompt */

export function offerInstall() {
  const install = byId("install", HTMLButtonElement);
  addEventListener("beforeinstallprompt", (event) => {
    // The browser would otherwise ask on its own, over the page.
    event.preventDefault();
    install.hidden = false;
    install.onclick = async () => {
      install.hidden = true;
      await /** @type {InstallEvent} */ (event).prompt();
    };
  });
  addEventListener("appinstalled", () => (install.hidden = true));
}

export function showNetwork() {
  const pill = byId("no-network", HTMLElement);
  const show = () => (pill.hidden = navigator.onLine);
  addEventListener("online", show);
  addEventListener("offline", show);
  show();
}
