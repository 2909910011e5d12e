// contract.json: what the model sees, what it answers, and the files it is made of.
import { PagesightError } from "../errors.js";

/**
 * @typedef {object} Contract
 * @property {1} format
 * @property {string} name
 * @property {string} [title]
 * @property {string[]} labels column i of the probabilities is labels[i]
 * @property {{ side: number, channels: 1 | 3, crop: "center-square" | "squash", resize: "triangle", range: [number, number] }} input
 * @property {{ probabilities: string, embedding?: string | null, features?: string | null }} outputs tensor names in the graph
 * @property {{ temperature: number, threshold: number, kind?: "single" | "multilabel" }} decision the temperature is already in the graph
 * @property {{ format: "tfjs-graph-model", path: string }} model
 * @property {import("./files.js").PublishedFiles} files
 * @property {{ path: string, label: string }[]} [samples]
 * @property {{ path: string, sha256?: string, probabilities: number[] }} [golden] a picture of the bundle, and what the model must answer
 * @property {string} [language] of the page's words, a BCP 47 tag
 * @property {Record<string, string>} [also] where the model lies in other formats
 */

/**
 * @param {ArrayBuffer} bytes
 * @returns {Contract}
 */
export function parseContract(bytes) {
  /** @type {Contract} */
  let contract;
  try {
    contract = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new PagesightError("contract", "contract.json is not JSON", "contract.json");
  }
  const flaw = findFlaw(contract);
  if (flaw) throw new PagesightError("contract", `contract.json cannot be used: ${flaw}`, "contract.json");
  return contract;
}

/**
 * @param {Contract} contract
 * @returns {string | undefined}
 */
function findFlaw(contract) {
  if (contract?.format !== 1) return `format 1 is needed, not ${contract?.format}`;
  const { labels, input, outputs, model, files } = contract;
  if (!Array.isArray(labels) || labels.length === 0) return "there are no labels";
  if (!(input?.side > 0) || ![1, 3].includes(input.channels)) return "the input's side or channels are wrong";
  if (!["center-square", "squash"].includes(input.crop)) return `the crop '${input.crop}' is unknown`;
  if (input.resize !== "triangle") return `the resize '${input.resize}' is unknown`;
  if (!outputs?.probabilities) return "the probabilities have no tensor name";
  if (!["single", "multilabel", undefined].includes(contract.decision?.kind))
    return `the decision '${contract.decision.kind}' is unknown`;
  if (model?.format !== "tfjs-graph-model") return `the model format '${model?.format}' is unknown`;
  if (!(contract.decision?.threshold >= 0)) return "the decision has no threshold";
  if (!files) return "it lists no files";
  const odd = Object.keys(files).find((path) => !(files[path]?.bytes >= 0 && files[path].sha256));
  if (odd) return `the bytes or the sha256 of ${odd} are missing`;
  if (!files[model.path] || !model.path.includes("/")) return `the model '${model.path}' is unknown`;
  return undefined;
}
