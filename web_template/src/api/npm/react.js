"use client";
// React: a hook that loads the classifier, and the element as a component.
import { createElement, useEffect, useRef, useState } from "react";
import { load } from "./index.js";

/**
 * The classifier of this package, once it is there; it is ended with the component.
 * @returns {{ classifier?: Awaited<ReturnType<typeof load>>, error?: Error }}
 */
export function useClassifier() {
  const [state, setState] = useState(/** @type {{ classifier?: any, error?: Error }} */ ({}));
  useEffect(() => {
    const leaving = new AbortController();
    /** @type {Awaited<ReturnType<typeof load>> | undefined} */
    let loaded;
    load({ signal: leaving.signal }).then(
      (classifier) => setState({ classifier: (loaded = classifier) }),
      (error) => leaving.signal.aborted || setState({ error }),
    );
    return () => {
      leaving.abort();
      loaded?.dispose();
    };
  }, []);
  return state;
}

/** @param {Record<string, any>} props attributes of the element, and onReady, onAnswer, onFailure */
export function PagesightClassifier({ onReady, onAnswer, onFailure, topK, camera, ...props }) {
  const element = useRef(/** @type {HTMLElement | null} */ (null));
  const handlers = useRef(/** @type {Record<string, Function | undefined>} */ ({}));
  handlers.current = { ready: onReady, answer: onAnswer, failure: onFailure };
  useEffect(() => {
    void import("./element.js");
    const target = element.current;
    const names = ["ready", "answer", "failure"];
    const hand = (/** @type {Event} */ event) =>
      handlers.current[event.type]?.(event instanceof CustomEvent ? event.detail : event);
    for (const name of names) target?.addEventListener(name, hand);
    return () => names.forEach((name) => target?.removeEventListener(name, hand));
  }, []);
  return createElement("pagesight-classifier", {
    ...props,
    ref: element,
    "top-k": topK,
    camera: camera ? "" : undefined,
  });
}
