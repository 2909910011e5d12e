// Work on single values: arithmetic of two tensors, clipping, means, and the picture's bytes as floats.
import { clip } from "./simd";

/** out[count] = x[count] as floats. */
export function widen(x: usize, out: usize, count: usize): void {
  const whole = count & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    const bytes = v128.load_zero<u32>(x + i);
    const words = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes));
    v128.store(out + i * 4, f32x4.convert_i32x4_u(words));
  }
  for (let i = whole; i < count; i++) store<f32>(out + i * 4, <f32>load<u8>(x + i));
}

/** out[count] = x[count] within [low, high]. */
export function bound(x: usize, out: usize, count: usize, low: f32, high: f32): void {
  const whole = count & ~3;
  for (let i: usize = 0; i < whole; i += 4) v128.store(out + i * 4, clip(v128.load(x + i * 4), low, high));
  for (let i = whole; i < count; i++) store<f32>(out + i * 4, min(high, max(low, load<f32>(x + i * 4))));
}

/** out[count] = a[count] ∘ b, where b holds `period` values and is repeated. operation: see arithmetic(). */
export function combine(operation: i32, a: usize, b: usize, out: usize, count: usize, period: usize): void {
  let i: usize = 0;
  if (period == 1) {
    const second = v128.load32_splat(b);
    for (; i + 4 <= count; i += 4) v128.store(out + i * 4, arithmetic(operation, v128.load(a + i * 4), second));
  } else if ((period & 3) == 0) {
    for (; i < count;) {
      for (let j: usize = 0; j < period; j += 4, i += 4) {
        v128.store(out + i * 4, arithmetic(operation, v128.load(a + i * 4), v128.load(b + j * 4)));
      }
    }
  }
  for (; i < count; i++) {
    const result = arithmetic(operation, v128.load32_zero(a + i * 4), v128.load32_splat(b + (i % period) * 4));
    v128.store32_lane(out + i * 4, result, 0);
  }
}

function arithmetic(operation: i32, a: v128, b: v128): v128 {
  switch (operation) {
    case 0:
      return f32x4.add(a, b);
    case 1:
      return f32x4.sub(a, b);
    case 2:
      return f32x4.mul(a, b);
    case 3:
      return f32x4.div(a, b);
    case 4:
      return f32x4.min(a, b);
    default:
      return f32x4.max(a, b);
  }
}

/** out[channels] = the mean of x[places × channels] over the places. */
export function mean(x: usize, out: usize, places: usize, channels: usize): void {
  const share: f32 = 1 / <f32>places;
  const whole = channels & ~3;
  for (let channel: usize = 0; channel < whole; channel += 4) {
    let sum = f32x4.splat(0);
    let from = x + channel * 4;
    for (let i: usize = 0; i < places; i++, from += channels * 4) sum = f32x4.add(sum, v128.load(from));
    v128.store(out + channel * 4, f32x4.mul(sum, f32x4.splat(share)));
  }
  for (let channel = whole; channel < channels; channel++) {
    let sum: f32 = 0;
    for (let i: usize = 0; i < places; i++) sum += load<f32>(x + (i * channels + channel) * 4);
    store<f32>(out + channel * 4, sum * share);
  }
}
