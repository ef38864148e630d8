/** Gower's dissimilarity: rows whose columns are of different kinds, with cells missing here and there. */
import {
  breathe,
  type Dissimilarities,
  InputError,
  type LongCall,
  matrix,
  mostObjects,
  precomputed,
} from '@offprint/kernels'

/**
 * A column of a table. A missing cell is NaN, null, undefined or an empty text.
 *
 * `number`: the difference divided by the range of the column. `ordered`: the same, of whole numbers that say the place in the
 * order. `nominal`: 0 where equal, otherwise 1. `asymmetric`: two kinds of cell, 1 (or true) and 0 (or false); that both have 1
 * says that rows are alike, that neither has says nothing, so the column is then passed over.
 */
export interface GowerColumn {
  name?: string
  kind: 'number' | 'ordered' | 'nominal' | 'asymmetric'
  values: ArrayLike<number | string | boolean | null | undefined>
  /** How much the column counts, at least 0; default 1. */
  weight?: number
}

export const gowerKinds: readonly GowerColumn['kind'][] = ['number', 'ordered', 'nominal', 'asymmetric']

const pieceMs = 15

/**
 * All pairwise dissimilarities (Gower 1971): the weighted mean over the columns that both rows have of differences from 0 to 1. As
 * R's `daisy(metric = 'gower')`. A column of equal numbers counts as one in which rows are alike. O(n²·d) time, 4n² bytes.
 *
 * @throws InputError for no columns or rows, columns of different lengths, cells of another kind, weights below 0 or all 0, two rows
 * that have no column in common, more than 16,384 rows; the signal's reason once it is aborted
 *
 * @example
 * const distances = await gower([
 *   { kind: 'number', values: [1.5, 2, Number.NaN] },
 *   { kind: 'nominal', values: ['red', 'blue', 'red'] },
 * ])
 * const { labels } = await fasterPam(distances, { k: 2 })
 */
export async function gower(
  columns: readonly GowerColumn[],
  { signal, onProgress }: LongCall = {},
): Promise<Dissimilarities> {
  signal?.throwIfAborted()
  if (!columns.length) throw new InputError('columns', 'none', 'at least one column')
  const n = columns[0].values.length
  if (!n) throw new InputError('columns', 'no row', 'at least one row')
  if (n > mostObjects) {
    const most = mostObjects.toLocaleString('en')
    throw new InputError(
      'columns',
      `${n.toLocaleString('en')} rows`,
      `at most ${most} rows, as all pairs are kept in memory`,
    )
  }
  const coded = columns.map((column, at) => codesOf(column, column.name ?? `column ${at + 1}`, n))
  if (coded.every(({ weight }) => weight === 0)) throw new InputError('weight', 'nothing but 0', 'above 0 somewhere')
  const data = new Float32Array(n * n)
  const sums = new Float64Array(n)
  const weights = new Float64Array(n)
  let since = performance.now()
  for (let row = 1; row < n; row++) {
    sums.fill(0, 0, row)
    weights.fill(0, 0, row)
    for (const column of coded) addColumn(column, row, sums, weights)
    for (let other = 0; other < row; other++) {
      if (!(weights[other] > 0)) {
        const message = `columns: rows ${other + 1} and ${row + 1} have no column in common, so nothing says how far apart they are`
        throw new InputError('columns', 'rows without a common column', 'a common column for each two rows', message)
      }
      data[row * n + other] = data[other * n + row] = sums[other] / weights[other]
    }
    if (performance.now() - since < pieceMs) continue
    onProgress?.(row * row, n * n)
    await breathe(signal)
    since = performance.now()
  }
  return precomputed(matrix(n, n, data), { signal })
}

interface Coded {
  kind: GowerColumn['kind']
  /** NaN where missing; numbers divided by the column's range. */
  codes: Float64Array
  weight: number
}

function codesOf({ kind, values, weight = 1 }: GowerColumn, name: string, n: number): Coded {
  if (!gowerKinds.includes(kind)) throw new InputError('kind', `'${kind}'`, `one of ${gowerKinds.join(', ')}`)
  if (!(weight >= 0 && weight < Infinity)) throw new InputError('weight', String(weight), 'a number of at least 0')
  if (values.length !== n)
    throw new InputError('columns', `${values.length} rows in ${name}`, `${n} rows, as in the first`)
  const codes = new Float64Array(n).fill(Number.NaN)
  const names = new Map<unknown, number>()
  for (let row = 0; row < n; row++) {
    const cell = values[row]
    if (cell === null || cell === undefined || cell === '' || Number.isNaN(cell)) continue
    if (kind === 'nominal') {
      if (!names.has(cell)) names.set(cell, names.size)
      codes[row] = names.get(cell)!
      continue
    }
    const code = typeof cell === 'string' ? Number.NaN : Number(cell)
    const fits =
      kind === 'number' ? Number.isFinite(code) : kind === 'ordered' ? Number.isInteger(code) : code === 0 || code === 1
    if (!fits) {
      const expected = { number: 'a finite number', ordered: 'a whole number', asymmetric: '0 or 1' }[kind]
      throw new InputError(
        'columns',
        String(cell),
        expected,
        `columns: row ${row + 1} of ${name} must be ${expected}, found ${cell}`,
      )
    }
    codes[row] = code
  }
  if (kind === 'nominal' || kind === 'asymmetric') return { kind, codes, weight }
  const known = codes.filter(code => !Number.isNaN(code))
  const least = known.reduce((a, b) => Math.min(a, b), Infinity)
  const most = known.reduce((a, b) => Math.max(a, b), -Infinity)
  // Halves, where the difference of two numbers is beyond all numbers.
  const unit = most - least < Infinity ? 1 : 2
  const range = most / unit - least / unit || 1
  return { kind, codes: codes.map(code => (code / unit - least / unit) / range), weight }
}

/** Adds what a column says about a row and those before it. */
function addColumn({ kind, codes, weight }: Coded, row: number, sums: Float64Array, weights: Float64Array): void {
  const own = codes[row]
  if (Number.isNaN(own)) return
  if (kind === 'number' || kind === 'ordered') {
    for (let other = 0; other < row; other++) {
      const difference = Math.abs(own - codes[other])
      if (Number.isNaN(difference)) continue
      sums[other] += weight * difference
      weights[other] += weight
    }
    return
  }
  for (let other = 0; other < row; other++) {
    const code = codes[other]
    if (Number.isNaN(code) || (kind === 'asymmetric' && own === 0 && code === 0)) continue
    if (code !== own) sums[other] += weight
    weights[other] += weight
  }
}
