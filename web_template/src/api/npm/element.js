// Defines <pagesight-classifier>, which loads the package's own files where it has no `src`.
import { PagesightClassifierElement } from "../element.js";
import { load } from "./index.js";

PagesightClassifierElement.loadOwn = () => load();

export { PagesightClassifierElement };
