// Pillow's Image.resize(BILINEAR) on 8-bit pixels, bit for bit (libImaging/Resample.c): a triangle filter, widened when
// shrinking, in 22-bit fixed point, the horizontal pass first, rounded to 8 bits between the passes.

const PRECISION_BITS = 22;
const HALF = 1 << (PRECISION_BITS - 1);

/**
 * For each output pixel: the first input pixel it draws on, how many, and their weights.
 * @typedef {{ first: Int32Array, count: Int32Array, weights: Int32Array, stride: number }} Filter
 */

/**
 * @param {number} from input length in pixels
 * @param {number} to output length in pixels
 * @returns {Filter}
 */
export function triangle(from, to) {
  const scale = from / to;
  const support = Math.max(scale, 1);
  const stride = Math.ceil(support) * 2 + 1;
  const filter = {
    first: new Int32Array(to),
    count: new Int32Array(to),
    weights: new Int32Array(to * stride),
    stride,
  };
  const exact = new Float64Array(stride);
  const narrow = 1 / support;
  for (let i = 0; i < to; i++) {
    const center = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const count = Math.min(from, Math.trunc(center + support + 0.5)) - first;
    let sum = 0;
    for (let k = 0; k < count; k++) {
      const distance = Math.abs((k + first - center + 0.5) * narrow);
      exact[k] = distance < 1 ? 1 - distance : 0;
      sum += exact[k];
    }
    filter.first[i] = first;
    filter.count[i] = count;
    for (let k = 0; k < count; k++) {
      const weight = sum === 0 ? exact[k] : exact[k] / sum;
      filter.weights[i * stride + k] = Math.trunc(0.5 + weight * (1 << PRECISION_BITS));
    }
  }
  return filter;
}

/**
 * Shrinks or stretches whole rows; a filter of undefined copies them.
 * @param {Uint8ClampedArray} rgba opaque pixels, rows × width × 4
 * @param {number} width
 * @param {number} rows
 * @param {Filter | undefined} filter
 * @param {Uint8ClampedArray} rgb output, rows × filter length × 3, written from byte `at`
 * @param {number} at
 */
export function resizeRows(rgba, width, rows, filter, rgb, at) {
  if (!filter) {
    for (let from = 0, end = rows * width * 4; from < end; from += 4, at += 3) {
      rgb[at] = rgba[from];
      rgb[at + 1] = rgba[from + 1];
      rgb[at + 2] = rgba[from + 2];
    }
    return;
  }
  const { first, count, weights, stride } = filter;
  for (let y = 0; y < rows; y++) {
    const row = y * width * 4;
    for (let x = 0; x < first.length; x++, at += 3) {
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      let from = row + first[x] * 4;
      const start = x * stride;
      for (let k = start, end = start + count[x]; k < end; k++, from += 4) {
        const weight = weights[k];
        red = (red + rgba[from] * weight) | 0;
        green = (green + rgba[from + 1] * weight) | 0;
        blue = (blue + rgba[from + 2] * weight) | 0;
      }
      // Clamped by the array's own type.
      rgb[at] = red >> PRECISION_BITS;
      rgb[at + 1] = green >> PRECISION_BITS;
      rgb[at + 2] = blue >> PRECISION_BITS;
    }
  }
}

/**
 * @param {Uint8ClampedArray} rgb height × width × 3
 * @param {number} width
 * @param {Filter} filter
 * @returns {Uint8ClampedArray<ArrayBuffer>} filter length × width × 3
 */
export function resizeColumns(rgb, width, filter) {
  const { first, count, weights, stride } = filter;
  const row = width * 3;
  const out = new Uint8ClampedArray(first.length * row);
  const sums = new Int32Array(row);
  for (let y = 0; y < first.length; y++) {
    sums.fill(HALF);
    for (let k = 0; k < count[y]; k++) {
      const weight = weights[y * stride + k];
      const from = (first[y] + k) * row;
      for (let x = 0; x < row; x++) sums[x] += rgb[from + x] * weight;
    }
    for (let x = 0; x < row; x++) out[y * row + x] = sums[x] >> PRECISION_BITS;
  }
  return out;
}
