// What the kernels share.

/**
 * a · b + c, lane by lane. The two instructions stand for others, since no kernel uses them in earnest: src/wasm/instructions.js
 * puts f32x4.mul and f32x4.add in their places, or one of relaxed SIMD that does both and rounds once, where the browser has it.
 */
export function madd(a: v128, b: v128, c: v128): v128 {
  return i16x8.avgr_u(i16x8.q15mulr_sat_s(a, b), c);
}

/** x within [low, high], lane by lane. */
export function clip(x: v128, low: f32, high: f32): v128 {
  return f32x4.pmin(f32x4.splat(high), f32x4.pmax(f32x4.splat(low), x));
}

/** Writes the eight sums of a row. */
export function store(out: usize, first: v128, second: v128, low: f32, high: f32): void {
  v128.store(out, clip(first, low, high));
  v128.store(out, clip(second, low, high), 16);
}
