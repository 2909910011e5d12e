// Lies in index.html itself: the model is on its way before the page is drawn, or its script is there.
import { loading, onProgress } from "./loading.js";
import { sayWhenLost } from "./not_started.js";

// Opened from a disk, where no browser lets a page have its files: page.js, which would say so, is kept from it as well.
if (location.protocol === "file:") document.documentElement.className = "on-disk";
sayWhenLost(new URL("page.js", document.baseURI).href);

globalThis.pagesightLoading = { loading, onProgress };
