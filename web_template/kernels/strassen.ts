// What src/wasm/strassen.js adds outside its products.
import { clip } from "./simd";

/**
 * out[rows]: A11, A12, A22, S1 = A21 + A22, S2 = S1 - A11, S3 = A11 - A21 and S4 = A12 - S2, `half` floats of each in a row.
 * top, bottom: rows of 2 × half floats, one behind the other. pitch: bytes from one row of `out` to the next.
 */
export function sums(top: usize, bottom: usize, out: usize, pitch: usize, rows: usize, half: usize): void {
  half *= 4;
  for (let row: usize = 0; row < rows; row++) {
    let to = out;
    for (const end = top + half; top < end; top += 16, bottom += 16, to += 16) {
      const a11 = v128.load(top);
      const a12 = v128.load(top + half);
      const a21 = v128.load(bottom);
      const a22 = v128.load(bottom + half);
      const s1 = f32x4.add(a21, a22);
      const s2 = f32x4.sub(s1, a11);
      v128.store(to, a11);
      v128.store(to + half, a12);
      v128.store(to + 2 * half, a22);
      v128.store(to + 3 * half, s1);
      v128.store(to + 4 * half, s2);
      v128.store(to + 5 * half, f32x4.sub(a11, a21));
      v128.store(to + 6 * half, f32x4.sub(a12, s2));
    }
    top += half;
    bottom += half;
    out += pitch;
  }
}

/** out = clip(out - u + w), where rows of `half` floats lie 2 × half floats apart, and w right of u. */
export function corner(u: usize, out: usize, rows: usize, half: usize, low: f32, high: f32): void {
  half *= 4;
  for (let row: usize = 0; row < rows; row++) {
    for (let i: usize = 0; i < half; i += 16) {
      const sum = f32x4.add(f32x4.sub(v128.load(out + i), v128.load(u + i)), v128.load(u + half + i));
      v128.store(out + i, clip(sum, low, high));
    }
    u += 2 * half;
    out += 2 * half;
  }
}
