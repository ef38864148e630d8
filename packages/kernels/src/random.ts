/** Seeded random numbers: Philox 2×32 with 10 rounds (Salmon et al., SC 2011), the same on every machine. */

export interface Random {
  /** Uniform in [0, 1), with 53 random bits. */
  next(): number
  /** Standard normal: the quantile that the number of `next` stands for. Between −8.3 and 8.3. */
  normal(): number
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
    normal: () => normalQuantile(next()),
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

/**
 * The normal distribution's quantile at `u` + 2⁻⁵⁴, by Wichura's algorithm AS 241 (1988), good to 1e-15. It is made of +, −, ×, ÷
 * and the root alone, so that assembly/random.ts gives the same bits on every machine.
 */
function normalQuantile(u: number): number {
  const q = u - 0.5 + 2 ** -54
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q
    return (q * polynomial(central.over, r)) / polynomial(central.under, r)
  }
  const r = Math.sqrt(-logarithm(0.5 - Math.abs(q)))
  const { over, under, from } = r <= 5 ? middle : tail
  const size = polynomial(over, r - from) / polynomial(under, r - from)
  return q < 0 ? -size : size
}

// Coefficients of AS 241, the highest power first.
const central = {
  over: [
    2509.0809287301227, 33430.57558358813, 67265.7709270087, 45921.95393154987, 13731.69376550946, 1971.5909503065513,
    133.14166789178438, 3.3871328727963665,
  ],
  under: [
    5226.495278852854, 28729.085735721943, 39307.89580009271, 21213.794301586597, 5394.196021424751, 687.1870074920579,
    42.31333070160091, 1,
  ],
}
const middle = {
  from: 1.6,
  over: [
    0.0007745450142783414, 0.022723844989269184, 0.2417807251774506, 1.2704582524523684, 3.6478483247632045,
    5.769497221460691, 4.630337846156546, 1.4234371107496835,
  ],
  under: [
    1.0507500716444169e-9, 0.0005475938084995345, 0.015198666563616457, 0.14810397642748008, 0.6897673349851,
    1.6763848301838038, 2.053191626637759, 1,
  ],
}
const tail = {
  from: 5,
  over: [
    2.0103343992922881e-7, 2.7115555687434876e-5, 0.0012426609473880784, 0.026532189526576124, 0.29656057182850487,
    1.7848265399172913, 5.463784911164114, 6.657904643501103,
  ],
  under: [
    2.0442631033899397e-15, 1.421511758316446e-7, 1.8463183175100548e-5, 0.0007868691311456133, 0.014875361290850615,
    0.1369298809227358, 0.599832206555888, 1,
  ],
}

function polynomial(coefficients: number[], x: number): number {
  let value = coefficients[0]
  for (let index = 1; index < coefficients.length; index++) value = value * x + coefficients[index]
  return value
}

/** The natural logarithm of a number from 2⁻⁵⁴ to 1: its power of two, and a series of the rest, which lies beside 1. */
function logarithm(x: number): number {
  let power = 0
  let rest = x
  while (rest < Math.SQRT1_2) {
    rest *= 2
    power--
  }
  const s = (rest - 1) / (rest + 1)
  const t = s * s
  let sum = 0
  for (let odd = 23; odd >= 1; odd -= 2) sum = sum * t + 1 / odd
  return power * Math.LN2 + 2 * s * sum
}
