// Lies in index.html itself: the model is on its way before the page is drawn, or its script is there.
import { loading, onProgress } from "./loading.js";

globalThis.pagesightLoading = { loading, onProgress };
