// The page as one file: what it would fetch is carried in it, and put in place before the page's own script starts.
import { unpack } from "../loading/inlined_files.js";
import { place } from "../loading/files.js";
import { byId } from "./elements.js";
import { home } from "./home.js";
import { sayNotStarted } from "./not_started.js";

const carrier = byId("carried", HTMLScriptElement);
const files = await unpack(carrier.text).catch((cause) => {
  sayNotStarted(); // a file that was cut short or altered
  throw cause;
});
carrier.remove();
// The report lies beside a bundle's page, and not in this file.
document.querySelector(".card-more")?.remove();
place(home, files, { whole: true });
for (const image of document.querySelectorAll("img")) {
  const carried = files[image.dataset.carried ?? ""];
  if (carried) image.src = URL.createObjectURL(carried);
}
await import("./page.js");
