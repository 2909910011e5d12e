// Convolution of each channel with a kernel of its own.
import { clip, madd } from "./simd";

/** Floats of a row that are in turn for all channels, so that three rows of them stay in the cache. */
const PIECE = 2048;

/**
 * out[rows × columns × channels] from x[height × width × channels]; what lies outside the picture counts as zero.
 * weights: bias[channels], then the kernel [size × size × channels].
 * top, left: rows and columns that the first window lies outside the picture.
 */
export function depthwise(
  x: usize,
  weights: usize,
  out: usize,
  height: i32,
  width: i32,
  channels: i32,
  size: i32,
  stride: i32,
  top: i32,
  left: i32,
  rows: i32,
  columns: i32,
  low: f32,
  high: f32,
): void {
  // Output columns whose window lies inside, in a kernel of 3 × 3 whose weights fit into registers.
  const first = min(columns, (left + stride - 1) / stride);
  // Added before the division, which rounds towards zero: of a picture narrower than the kernel, none.
  const last = max(first, min(columns, (width + left - 3 + stride) / stride));
  const piece = max(4, PIECE / channels / stride);
  const simple = size == 3 && (channels & 3) == 0;
  for (let row = 0; row < rows; row++) {
    const y = row * stride - top;
    const inside = simple && y >= 0 && y + 3 <= height;
    for (let column = 0; column < columns; column++) {
      if (inside && column == first) {
        for (; column < last; column += piece) {
          const from = x + (y * width + column * stride - left) * channels * 4;
          const to = out + (column - first) * channels * 4;
          span(from, weights, to, width * channels * 4, channels, stride, min(piece, last - column), low, high);
        }
        out += (last - first) * channels * 4;
        column = last;
        if (column == columns) break;
      }
      window(x, weights, out, height, width, channels, size, y, column * stride - left, low, high);
      out += channels * 4;
    }
  }
}

/** A part of one output row where all windows of 3 × 3 lie inside: each column is read once for all of its windows. */
function span(
  x: usize,
  weights: usize,
  out: usize,
  pitch: usize,
  channels: usize,
  stride: usize,
  count: usize,
  low: f32,
  high: f32,
): void {
  const apart = channels * 4;
  for (let channel: usize = 0; channel < channels; channel += 4) {
    const bias = weights + channel * 4;
    let w = bias;
    const w0 = v128.load((w += apart));
    const w1 = v128.load((w += apart));
    const w2 = v128.load((w += apart));
    const w3 = v128.load((w += apart));
    const w4 = v128.load((w += apart));
    const w5 = v128.load((w += apart));
    const w6 = v128.load((w += apart));
    const w7 = v128.load((w += apart));
    const w8 = v128.load((w += apart));
    let x0 = x + channel * 4;
    let x1 = x0 + pitch;
    let x2 = x1 + pitch;
    let to = out + channel * 4;
    // Sums of the windows that a column is the second and the first of. The first window is whole with the third column.
    let wanted: usize = 2;
    let second = f32x4.splat(0);
    let first = second;
    for (let column: usize = 0; column < (count - 1) * stride + 3; column++) {
      let value = v128.load(x0);
      let whole = madd(w2, value, second);
      second = madd(w1, value, first);
      first = madd(w0, value, v128.load(bias));
      value = v128.load(x1);
      whole = madd(w5, value, whole);
      second = madd(w4, value, second);
      first = madd(w3, value, first);
      value = v128.load(x2);
      whole = madd(w8, value, whole);
      second = madd(w7, value, second);
      first = madd(w6, value, first);
      if (column == wanted) {
        v128.store(to, clip(whole, low, high));
        to += apart;
        wanted += stride;
      }
      x0 += apart;
      x1 += apart;
      x2 += apart;
    }
  }
}

/** One output place, with any kernel and any part of its window outside. */
function window(
  x: usize,
  weights: usize,
  out: usize,
  height: i32,
  width: i32,
  channels: i32,
  size: i32,
  y: i32,
  left: i32,
  low: f32,
  high: f32,
): void {
  const top = max(0, -y);
  const bottom = min(size, height - y);
  const start = max(0, -left);
  const end = min(size, width - left);
  const apart = channels * 4;
  const whole = channels & ~3;
  for (let channel = 0; channel < whole; channel += 4) {
    let sum = v128.load(weights + channel * 4);
    for (let i = top; i < bottom; i++) {
      let from = x + ((y + i) * width + left + start) * apart + channel * 4;
      let w = weights + (1 + i * size + start) * apart + channel * 4;
      for (let j = start; j < end; j++) {
        sum = madd(v128.load(w), v128.load(from), sum);
        from += apart;
        w += apart;
      }
    }
    v128.store(out + channel * 4, clip(sum, low, high));
  }
  for (let channel = whole; channel < channels; channel++) {
    let sum = load<f32>(weights + channel * 4);
    for (let i = top; i < bottom; i++) {
      for (let j = start; j < end; j++) {
        const from = x + ((y + i) * width + left + j) * apart + channel * 4;
        sum += load<f32>(weights + (1 + i * size + j) * apart + channel * 4) * load<f32>(from);
      }
    }
    store<f32>(out + channel * 4, min(high, max(low, sum)));
  }
}
