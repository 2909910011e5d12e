// Products of matrices: every pointwise convolution and dense layer.
import { madd, store } from "./simd";
import { four, six } from "./tiles"; // written by tiles.js

/** Columns of a packed panel. */
const WIDE: usize = 8;
/** Rows that are computed together, so that a weight is read once for all of them. */
const TALL: usize = 6;
/** As many where no more are left, or where a · b + c takes two instructions: x86 then has no registers for more. */
const SHORT: usize = 4;
/** Floats of `a` that stay in the cache while all panels pass over them. */
const BLOCK: usize = 98304;

/** How many at most: TALL or SHORT. */
export let rowsPerTile: usize = SHORT;

/**
 * out[rows × columns] = clip(start[rows × columns] + a[rows × depth] · weights[depth × columns] + bias[columns]).
 * The weights come in panels of eight columns, the last filled up with zeros: bias[8], then depth × 8 values.
 * pitch, outPitch: bytes from one row to the next of `a`, and of both `out` and `start`.
 * start: 0 where there is none; it has whole panels, and may be `out`.
 * `out` has room for the last panel's eight columns behind its last row.
 */
export function gemm(
  a: usize,
  pitch: usize,
  panels: usize,
  start: usize,
  out: usize,
  outPitch: usize,
  rows: usize,
  depth: usize,
  columns: usize,
  low: f32,
  high: f32,
): void {
  const most = rowsPerTile;
  const block = max(1, BLOCK / depth / most) * most;
  const size = (depth + 1) * (WIDE * 4);
  const last = (columns - 1) & ~(WIDE - 1);
  for (let top: usize = 0; top < rows; top += block) {
    const bottom = min(rows, top + block);
    // With each weight that is read, so many bytes of the next panel are fetched: all of it by the time that it is needed.
    const share = (WIDE * 4 * most - 1) / max(most, bottom - top) + 1;
    // The last panel comes first: what it writes beyond a row is the next row's, and still to be computed.
    let left = last;
    do {
      const panel = panels + (left / WIDE) * size;
      let ahead = left == last ? panels : panel + size;
      const enough = ahead + size - share * depth;
      let from = a + top * pitch;
      let at = top * outPitch + left * 4;
      for (let row = top; row < bottom;) {
        const more = bottom - row;
        const many: usize = more < SHORT ? 1 : more < TALL || more >> 1 == SHORT ? SHORT : most;
        const step = ahead < enough ? share : 0;
        const begin = start ? start + at : 0;
        if (many == 1) one(from, panel, begin, out + at, depth, low, high);
        else if (many == SHORT) four(from, pitch, panel, begin, out + at, outPitch, depth, ahead, step, low, high);
        else six(from, pitch, panel, begin, out + at, outPitch, depth, ahead, step, low, high);
        row += many;
        from += many * pitch;
        at += many * outPitch;
        ahead += step * depth;
      }
      left = left == last ? 0 : left + WIDE;
    } while (left != last);
  }
}

/** One row of one panel. */
function one(a: usize, panel: usize, start: usize, out: usize, depth: usize, low: f32, high: f32): void {
  let c0 = v128.load(panel);
  let c1 = v128.load(panel, 16);
  if (start) {
    c0 = f32x4.add(c0, v128.load(start));
    c1 = f32x4.add(c1, v128.load(start, 16));
  }
  for (const end = a + depth * 4; a < end; a += 4) {
    panel += WIDE * 4;
    const x = v128.load32_splat(a);
    c0 = madd(x, v128.load(panel), c0);
    c1 = madd(x, v128.load(panel, 16), c1);
  }
  store(out, c0, c1, low, high);
}
