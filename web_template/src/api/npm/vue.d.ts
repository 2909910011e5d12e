import type { Answer, PagesightClassifierElement } from "../pagesight.js";

/** `<pagesight-classifier>` in Vue's templates: `import type {} from "NAME/vue"` beside `import "NAME/element"`. */
export interface PagesightClassifierProps {
  /** A bundle's folder; this package when it is left out. */
  src?: string;
  topK?: number | string;
  /** Offers the camera beside pictures. */
  camera?: boolean | "";
  onReady?: (event: Event) => void;
  onAnswer?: (event: CustomEvent<Answer[]>) => void;
  onFailure?: (event: CustomEvent<Error>) => void;
}

declare module "vue" {
  interface GlobalComponents {
    "pagesight-classifier": new () => PagesightClassifierElement & { $props: PagesightClassifierProps };
  }
}
