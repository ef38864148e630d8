/** Many random numbers at once: those of `random`, bit for bit, from any place in their sequence. */
import { simd } from '../build/random.js'
import { type Arena, arena, onArena } from './arena.ts'
import { InputError } from './input-error.ts'

export interface RandomNumbersOptions {
  /** Whole number from 0 to 2³² − 1. */
  seed: number
  /** As for `random`; default 0. */
  stream?: number
  /** Numbers of the sequence before the first, so that parts can be made apart and in any order. Default 0. */
  from?: number
}

type Fill = (seed: number, stream: number, from: number, count: number, out: number) => void

/** The kernels on pointers, for engines: `from` numbers of the sequence come before the first of `count` at `out`. */
export interface RandomKernels {
  /** 64-bit floats. */
  fillUniform: Fill
  /** The same as 32-bit floats, cut to 24 bits. */
  fillUniformFloats: Fill
  /** 64-bit floats. */
  fillNormal: Fill
  /** The same, rounded to 32-bit floats. */
  fillNormalFloats: Fill
}

/** The kernels, started on an arena. */
export const randomKernels: (space: Arena) => RandomKernels = onArena(simd)

/**
 * Fills an array with uniform numbers in [0, 1): those of `random(seed, stream).next`. In a Float32Array they are cut to 24 bits, so
 * that none is rounded to 1.
 *
 * @throws InputError for a `from` that is not a whole number of at least 0
 */
export function fillUniform<Numbers extends Float32Array | Float64Array>(
  out: Numbers,
  options: RandomNumbersOptions,
): Numbers {
  return fill(out, options, 'fillUniform')
}

/**
 * Fills an array with standard normal numbers: those of `random(seed, stream).normal`, in a Float32Array rounded.
 * @throws InputError as `fillUniform`
 */
export function fillNormal<Numbers extends Float32Array | Float64Array>(
  out: Numbers,
  options: RandomNumbersOptions,
): Numbers {
  return fill(out, options, 'fillNormal')
}

const atOnce = 8192
let own: { space: Arena; pointer: number } | undefined

function fill<Numbers extends Float32Array | Float64Array>(
  out: Numbers,
  { seed, stream = 0, from = 0 }: RandomNumbersOptions,
  kind: 'fillUniform' | 'fillNormal',
): Numbers {
  if (!Number.isSafeInteger(from) || from < 0 || !Number.isSafeInteger(from + out.length))
    throw new InputError('from', String(from), 'a whole number of at least 0 and below 2⁵³')
  if (!own) {
    const space = arena(8 * atOnce)
    own = { space, pointer: space.take(8 * atOnce) }
  }
  const { space, pointer } = own
  const kernels = randomKernels(space)
  const single = out instanceof Float32Array
  const make = kernels[single ? (`${kind}Floats` as const) : kind]
  for (let at = 0; at < out.length; at += atOnce) {
    const count = Math.min(atOnce, out.length - at)
    make(seed, stream, from + at, count, pointer)
    out.set(new (single ? Float32Array : Float64Array)(space.memory.buffer, pointer, count), at)
  }
  return out
}
