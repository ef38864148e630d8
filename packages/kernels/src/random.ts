/** Seeded random numbers: Philox 2×32 with 10 rounds (Salmon et al., SC 2011), the same on every machine. */

export interface Random {
  /** Uniform in [0, 1), with 53 random bits. */
  next(): number
  /** Uniform whole number in [0, n). */
  integer(n: number): number
  /** `count` distinct whole numbers below `n`, in random order. */
  sample(count: number, n: number): number[]
  /** Puts the values into random order, in place. */
  shuffle<Values extends { length: number; [index: number]: unknown }>(values: Values): Values
}

/**
 * A generator for a seed. Its n-th number depends on nothing but seed, stream and n.
 *
 * @param seed whole number from 0 to 2³² − 1
 * @param stream another whole number: each stream of a seed is a sequence of its own, such as one a restart
 */
export function random(seed: number, stream = 0): Random {
  let counter = 0
  function next(): number {
    const [high, low] = philox(counter++, stream, seed)
    return ((high >>> 5) * 67_108_864 + (low >>> 6)) / 9_007_199_254_740_992
  }
  const integer = (n: number) => Math.floor(next() * n)
  return {
    next,
    integer,
    sample(count, n) {
      // Floyd's method takes `count` draws and no list of all n.
      const chosen = new Set<number>()
      for (let last = n - count; last < n; last++) {
        const drawn = integer(last + 1)
        chosen.add(chosen.has(drawn) ? last : drawn)
      }
      return shuffle([...chosen], integer)
    },
    shuffle: values => shuffle(values, integer),
  }
}

function shuffle<Values extends { length: number; [index: number]: unknown }>(
  values: Values,
  integer: (n: number) => number,
): Values {
  for (let last = values.length - 1; last > 0; last--) {
    const other = integer(last + 1)
    const kept = values[last]
    values[last] = values[other]
    values[other] = kept
  }
  return values
}

function philox(counter: number, stream: number, seed: number): [number, number] {
  let x = counter >>> 0
  let y = (stream ^ (counter / 4_294_967_296)) >>> 0
  let key = seed >>> 0
  for (let round = 0; round < 10; round++) {
    const high = highProduct(0xd256d193, x)
    const low = Math.imul(0xd256d193, x)
    x = (high ^ key ^ y) >>> 0
    y = low >>> 0
    key = (key + 0x9e3779b9) >>> 0
  }
  return [x, y]
}

/** The upper 32 bits of the product of two whole numbers below 2³². */
function highProduct(a: number, b: number): number {
  const a0 = a & 0xffff
  const a1 = a >>> 16
  const b0 = b & 0xffff
  const b1 = b >>> 16
  const middle = a1 * b0 + ((a0 * b0) >>> 16)
  const other = a0 * b1 + (middle & 0xffff)
  return (a1 * b1 + Math.floor(middle / 65_536) + Math.floor(other / 65_536)) >>> 0
}
