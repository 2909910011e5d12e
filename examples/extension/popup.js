// A Manifest V3 extension: the model lies in its own folder, and its policy lets WebAssembly run and nothing else.
import { load } from "./page/pagesight.js";

const input = document.querySelector("input");
const answer = document.querySelector("#answer");
try {
  const classifier = await load();
  input.disabled = false;
  input.addEventListener("change", async () => {
    const [best] = await classifier.classify(input.files[0]);
    answer.textContent = `${best.label}: ${(best.probability * 100).toFixed(1)} %`;
  });
} catch (error) {
  answer.textContent = `${error.code}: ${error.message}`;
}
