import { useState, type ChangeEvent } from "react";
import { PagesightClassifier, useClassifier } from "my-classifier/react";

/** The hook: the classifier, for a page that you draw yourself. The component: the element, with its own words and camera. */
export function App() {
  const { classifier, error } = useClassifier();
  const [answer, setAnswer] = useState("");
  const [seen, setSeen] = useState("");

  async function onChange({ target }: ChangeEvent<HTMLInputElement>) {
    const file = target.files?.[0];
    if (!classifier || !file) return;
    const [best] = await classifier.classify(file);
    setAnswer(`${best.label}: ${(best.probability * 100).toFixed(1)} %`);
  }

  return (
    <main>
      <h1>What is in the picture?</h1>
      <label>
        Picture <input type="file" accept="image/*" disabled={!classifier} onChange={onChange} />
      </label>
      <p id="answer">{error ? error.message : answer}</p>
      <PagesightClassifier camera onAnswer={([best]) => setSeen(best.label)} />
      <p id="seen">{seen}</p>
    </main>
  );
}
