// The nodes of a graph model, with their attributes in JavaScript's own types.
import { require } from "./unsupported_graph.js";

/**
 * @typedef {{ b?: boolean, i?: string | number, f?: number, s?: string, type?: string, list?: { i?: (string | number)[], s?: string[] } }} Attribute
 * @typedef {{ name: string, op: string, input?: string[], attr?: Record<string, Attribute> }} GraphNode
 */

/** @param {GraphNode} node @param {string} key */
export const flag = ({ attr }, key) => attr?.[key]?.b === true;

/** @param {GraphNode} node @param {string} key */
export const text = ({ attr }, key) => atob(attr?.[key]?.s ?? "");

/** @param {GraphNode} node @param {string} key */
export const texts = ({ attr }, key) => (attr?.[key]?.list?.s ?? []).map((s) => atob(s));

/** @param {GraphNode} node @param {string} key */
export const integers = ({ attr }, key) => (attr?.[key]?.list?.i ?? []).map(Number);

/**
 * What is fused behind a product.
 * @param {GraphNode} node
 * @returns {{ biased: boolean, low: number, high: number }} whether a bias is the third input, and the bounds of the result
 */
export function fusion(node) {
  const steps = texts(node, "fused_ops").filter((step) => step !== "NoOp");
  const biased = steps[0] === "BiasAdd";
  const [activation, ...more] = biased ? steps.slice(1) : steps;
  require(more.length === 0 && [undefined, "Relu", "Relu6"].includes(activation), `fused ${steps}`);
  return { biased, low: activation ? 0 : -Infinity, high: activation === "Relu6" ? 6 : Infinity };
}

/**
 * The windows of a convolution over height × width.
 * @param {GraphNode} node
 * @param {number} size of the kernel, which is square
 * @param {number} height
 * @param {number} width
 */
export function windows(node, size, height, width) {
  const [, stride, across] = integers(node, "strides");
  require(stride === across && integers(node, "dilations").every((d) => d === 1), "unequal strides or dilations");
  require(["NHWC", ""].includes(text(node, "data_format")), "channels first");
  const padding = text(node, "padding");
  if (padding === "VALID") {
    const fit = (/** @type {number} */ length) => Math.floor((length - size) / stride) + 1;
    return { stride, top: 0, left: 0, rows: fit(height), columns: fit(width) };
  }
  require(padding === "SAME", `padding ${padding}`);
  const [rows, columns] = [Math.ceil(height / stride), Math.ceil(width / stride)];
  const before = (/** @type {number} */ places, /** @type {number} */ length) =>
    Math.floor(Math.max(0, (places - 1) * stride + size - length) / 2);
  return { stride, top: before(rows, height), left: before(columns, width), rows, columns };
}
