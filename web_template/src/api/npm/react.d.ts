import type { Answer, Classifier, PagesightClassifierElement } from "../pagesight.js";
import type { DetailedHTMLProps, HTMLAttributes, JSX } from "react";

/** The classifier of this package, once it is there; it is ended with the component. */
export function useClassifier(): { classifier?: Classifier; error?: Error };

export interface PagesightClassifierProps extends Omit<HTMLAttributes<HTMLElement>, "onError"> {
  /** A bundle's folder; this package when it is left out. */
  src?: string;
  topK?: number;
  /** Offers the camera beside pictures. */
  camera?: boolean;
  onReady?: () => void;
  onAnswer?: (answers: Answer[]) => void;
  onFailure?: (error: Error) => void;
}

/** `<pagesight-classifier>` as a component. */
export function PagesightClassifier(props: PagesightClassifierProps): JSX.Element;

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "pagesight-classifier": DetailedHTMLProps<
        HTMLAttributes<PagesightClassifierElement>,
        PagesightClassifierElement
      > & {
        src?: string;
        "top-k"?: number | string;
        camera?: boolean | "";
      };
    }
  }
}
