import { load } from "my-classifier";

const input = document.querySelector("input");
const progress = document.querySelector("progress");
const list = document.querySelector("ol");

const classifier = await load({ onProgress: (loaded, total) => (progress.value = loaded / total) });
progress.remove();
input.disabled = false;

input.addEventListener("change", async () => {
  const answers = await classifier.classify(input.files[0], { topK: 3 });
  list.replaceChildren(
    ...answers.map(({ label, probability }) => {
      const row = document.createElement("li");
      row.textContent = `${label}: ${(probability * 100).toFixed(1)} %`;
      return row;
    }),
  );
});
