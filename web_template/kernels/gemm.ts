// Products of matrices: every pointwise convolution and dense layer.
import { clip, madd } from "./simd";

/** Columns of a packed panel. */
const WIDE: usize = 8;
/** Rows that are computed together, so that a weight is read once for four of them. */
const TALL: usize = 4;
/** Floats of `a` that stay in the cache while all panels pass over them. */
const BLOCK: usize = 8192;

/**
 * out[rows × columns] = clip(a[rows × depth] · weights[depth × columns] + bias[columns]).
 * The weights come in panels of eight columns, the last filled up with zeros: bias[8], then depth × 8 values.
 */
export function gemm(
  a: usize,
  panels: usize,
  out: usize,
  rows: usize,
  depth: usize,
  columns: usize,
  low: f32,
  high: f32,
): void {
  const pitch = depth * 4;
  const outPitch = columns * 4;
  const block = max(TALL, (BLOCK / depth) & ~(TALL - 1));
  for (let top: usize = 0; top < rows; top += block) {
    const bottom = min(rows, top + block);
    let panel = panels;
    for (let left: usize = 0; left < columns; left += WIDE) {
      const wide = min(WIDE, columns - left);
      let from = a + top * pitch;
      let to = out + top * outPitch + left * 4;
      let row = top;
      for (; row + TALL <= bottom; row += TALL) {
        tile(from, pitch, panel, to, outPitch, wide, low, high);
        from += TALL * pitch;
        to += TALL * outPitch;
      }
      for (; row < bottom; row++) {
        line(from, pitch, panel, to, wide, low, high);
        from += pitch;
        to += outPitch;
      }
      panel += (depth + 1) * (WIDE * 4);
    }
  }
}

/** Four rows of one panel. Unrolling it further makes it slower: V8 then runs out of registers. */
function tile(
  a0: usize,
  pitch: usize,
  panel: usize,
  out: usize,
  outPitch: usize,
  wide: usize,
  low: f32,
  high: f32,
): void {
  const end = a0 + pitch;
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
  while (a0 < end) {
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
  store(out, c00, c01, wide, low, high);
  store(out + outPitch, c10, c11, wide, low, high);
  store(out + 2 * outPitch, c20, c21, wide, low, high);
  store(out + 3 * outPitch, c30, c31, wide, low, high);
}

/** One row of one panel. */
function line(a: usize, pitch: usize, panel: usize, out: usize, wide: usize, low: f32, high: f32): void {
  const end = a + pitch;
  let c0 = v128.load(panel);
  let c1 = v128.load(panel, 16);
  for (; a < end; a += 4) {
    panel += WIDE * 4;
    const x = v128.load32_splat(a);
    c0 = madd(x, v128.load(panel), c0);
    c1 = madd(x, v128.load(panel, 16), c1);
  }
  store(out, c0, c1, wide, low, high);
}

/** Up to eight values; a last panel may have fewer. */
function store(out: usize, first: v128, second: v128, wide: usize, low: f32, high: f32): void {
  first = clip(first, low, high);
  second = clip(second, low, high);
  if (wide == WIDE) {
    v128.store(out, first);
    v128.store(out, second, 16);
    return;
  }
  if (wide & 4) {
    v128.store(out, first);
    out += 16;
    first = second;
  }
  if (wide & 2) {
    v128.store64_lane(out, first, 0);
    out += 8;
    first = v128.shuffle<f32>(first, first, 2, 3, 2, 3);
  }
  if (wide & 1) v128.store32_lane(out, first, 0);
}
