// What the kernels share. RELAXED is defined where the binary may use relaxed SIMD: one rounding less for each product.

/** a · b + c, lane by lane. */
export function madd(a: v128, b: v128, c: v128): v128 {
  return isDefined(RELAXED) ? f32x4.relaxed_madd(a, b, c) : f32x4.add(f32x4.mul(a, b), c);
}

/** x within [low, high], lane by lane. */
export function clip(x: v128, low: f32, high: f32): v128 {
  return f32x4.pmin(f32x4.splat(high), f32x4.pmax(f32x4.splat(low), x));
}
