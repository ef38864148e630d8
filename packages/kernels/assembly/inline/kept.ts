/**
 * The same 32 bits in all four lanes, for use in a loop: taken before it, they stay in a register. V8 makes a vector that it
 * knows to be constant anew at each use, in three instructions, so this one it must not know: no memory has 2²⁴ pages.
 */
@inline
export function kept(bits: u32): v128 {
  return i32x4.splat(bits + (<u32>memory.size() >> 24))
}

/** A 64-bit float in both lanes, likewise. */
@inline
export function keptDouble(value: f64): v128 {
  return f64x2.splat(value + <f64>(<u32>memory.size() >> 24))
}
