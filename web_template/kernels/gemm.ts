// Products of matrices: every pointwise convolution and dense layer.
import { clip, madd } from "./simd";

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

/** Six rows of one panel. */
function six(
  a0: usize,
  pitch: usize,
  panel: usize,
  start: usize,
  out: usize,
  outPitch: usize,
  depth: usize,
  ahead: usize,
  step: usize,
  low: f32,
  high: f32,
): void {
  const end = a0 + depth * 4;
  let a1 = a0 + pitch;
  let a2 = a1 + pitch;
  let a3 = a2 + pitch;
  let a4 = a3 + pitch;
  let a5 = a4 + pitch;
  let c00 = v128.load(panel);
  let c01 = v128.load(panel, 16);
  let c10 = c00;
  let c11 = c01;
  let c20 = c00;
  let c21 = c01;
  let c30 = c00;
  let c31 = c01;
  let c40 = c00;
  let c41 = c01;
  let c50 = c00;
  let c51 = c01;
  if (start) {
    c00 = f32x4.add(c00, v128.load(start));
    c01 = f32x4.add(c01, v128.load(start, 16));
    start += outPitch;
    c10 = f32x4.add(c10, v128.load(start));
    c11 = f32x4.add(c11, v128.load(start, 16));
    start += outPitch;
    c20 = f32x4.add(c20, v128.load(start));
    c21 = f32x4.add(c21, v128.load(start, 16));
    start += outPitch;
    c30 = f32x4.add(c30, v128.load(start));
    c31 = f32x4.add(c31, v128.load(start, 16));
    start += outPitch;
    c40 = f32x4.add(c40, v128.load(start));
    c41 = f32x4.add(c41, v128.load(start, 16));
    start += outPitch;
    c50 = f32x4.add(c50, v128.load(start));
    c51 = f32x4.add(c51, v128.load(start, 16));
  }
  while (a0 < end) {
    load<u8>(ahead);
    ahead += step;
    panel += WIDE * 4;
    const b0 = v128.load(panel);
    const b1 = v128.load(panel, 16);
    let x = v128.load32_splat(a0);
    c00 = madd(x, b0, c00);
    c01 = madd(x, b1, c01);
    x = v128.load32_splat(a1);
    c10 = madd(x, b0, c10);
    c11 = madd(x, b1, c11);
    x = v128.load32_splat(a2);
    c20 = madd(x, b0, c20);
    c21 = madd(x, b1, c21);
    x = v128.load32_splat(a3);
    c30 = madd(x, b0, c30);
    c31 = madd(x, b1, c31);
    x = v128.load32_splat(a4);
    c40 = madd(x, b0, c40);
    c41 = madd(x, b1, c41);
    x = v128.load32_splat(a5);
    c50 = madd(x, b0, c50);
    c51 = madd(x, b1, c51);
    a0 += 4;
    a1 += 4;
    a2 += 4;
    a3 += 4;
    a4 += 4;
    a5 += 4;
  }
  store(out, c00, c01, low, high);
  out += outPitch;
  store(out, c10, c11, low, high);
  out += outPitch;
  store(out, c20, c21, low, high);
  out += outPitch;
  store(out, c30, c31, low, high);
  out += outPitch;
  store(out, c40, c41, low, high);
  out += outPitch;
  store(out, c50, c51, low, high);
}

/** Four rows of one panel. */
function four(
  a0: usize,
  pitch: usize,
  panel: usize,
  start: usize,
  out: usize,
  outPitch: usize,
  depth: usize,
  ahead: usize,
  step: usize,
  low: f32,
  high: f32,
): void {
  const end = a0 + depth * 4;
  let a1 = a0 + pitch;
  let a2 = a1 + pitch;
  let a3 = a2 + pitch;
  let c00 = v128.load(panel);
  let c01 = v128.load(panel, 16);
  let c10 = c00;
  let c11 = c01;
  let c20 = c00;
  let c21 = c01;
  let c30 = c00;
  let c31 = c01;
  if (start) {
    c00 = f32x4.add(c00, v128.load(start));
    c01 = f32x4.add(c01, v128.load(start, 16));
    start += outPitch;
    c10 = f32x4.add(c10, v128.load(start));
    c11 = f32x4.add(c11, v128.load(start, 16));
    start += outPitch;
    c20 = f32x4.add(c20, v128.load(start));
    c21 = f32x4.add(c21, v128.load(start, 16));
    start += outPitch;
    c30 = f32x4.add(c30, v128.load(start));
    c31 = f32x4.add(c31, v128.load(start, 16));
  }
  while (a0 < end) {
    load<u8>(ahead);
    ahead += step;
    panel += WIDE * 4;
    const b0 = v128.load(panel);
    const b1 = v128.load(panel, 16);
    let x = v128.load32_splat(a0);
    c00 = madd(x, b0, c00);
    c01 = madd(x, b1, c01);
    x = v128.load32_splat(a1);
    c10 = madd(x, b0, c10);
    c11 = madd(x, b1, c11);
    x = v128.load32_splat(a2);
    c20 = madd(x, b0, c20);
    c21 = madd(x, b1, c21);
    x = v128.load32_splat(a3);
    c30 = madd(x, b0, c30);
    c31 = madd(x, b1, c31);
    a0 += 4;
    a1 += 4;
    a2 += 4;
    a3 += 4;
  }
  store(out, c00, c01, low, high);
  out += outPitch;
  store(out, c10, c11, low, high);
  out += outPitch;
  store(out, c20, c21, low, high);
  out += outPitch;
  store(out, c30, c31, low, high);
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

function store(out: usize, first: v128, second: v128, low: f32, high: f32): void {
  v128.store(out, clip(first, low, high));
  v128.store(out, clip(second, low, high), 16);
}
