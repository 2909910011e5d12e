// Convolution of each channel with a kernel of its own.
import { clip, madd } from "./simd";

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
  const last = max(first, min(columns, (width + left - 3) / stride + 1));
  const simple = size == 3 && (channels & 3) == 0;
  for (let row = 0; row < rows; row++) {
    const y = row * stride - top;
    const inside = simple && y >= 0 && y + 3 <= height;
    for (let column = 0; column < columns; column++) {
      if (inside && column == first && first < last) {
        const from = x + (y * width + first * stride - left) * channels * 4;
        span(from, weights, out, width * channels * 4, channels, stride * channels * 4, last - first, low, high);
        out += (last - first) * channels * 4;
        column = last;
        if (column == columns) break;
      }
      window(x, weights, out, height, width, channels, size, y, column * stride - left, low, high);
      out += channels * 4;
    }
  }
}

/** A part of one output row where all windows of 3 × 3 lie inside. */
function span(
  x: usize,
  weights: usize,
  out: usize,
  pitch: usize,
  channels: usize,
  step: usize,
  count: usize,
  low: f32,
  high: f32,
): void {
  const apart = channels * 4;
  for (let channel: usize = 0; channel < channels; channel += 4) {
    let w = weights + channel * 4;
    const bias = v128.load(w);
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
    for (let i: usize = 0; i < count; i++) {
      let sum = madd(w0, v128.load(x0), bias);
      sum = madd(w1, v128.load(x0 + apart), sum);
      sum = madd(w2, v128.load(x0 + 2 * apart), sum);
      sum = madd(w3, v128.load(x1), sum);
      sum = madd(w4, v128.load(x1 + apart), sum);
      sum = madd(w5, v128.load(x1 + 2 * apart), sum);
      sum = madd(w6, v128.load(x2), sum);
      sum = madd(w7, v128.load(x2 + apart), sum);
      sum = madd(w8, v128.load(x2 + 2 * apart), sum);
      v128.store(to, clip(sum, low, high));
      x0 += step;
      x1 += step;
      x2 += step;
      to += apart;
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
