/** The best one-to-one matching of the rows of a table with its columns. */
import { InputError } from '@offprint/kernels'

export interface Matching {
  /** Column of each row, −1 where there are more rows than columns and this one is left over. */
  columns: Int32Array
  /** Sum of the scores of all pairs. */
  total: number
}

/**
 * The matching of rows with columns, each used at most once, that has the greatest sum of scores: the Hungarian method with shortest
 * augmenting paths (Jonker and Volgenant 1987). O(min²·max) for the lesser and the greater number of rows and columns.
 *
 * @param scores rows × columns finite numbers, row after row
 * @throws InputError where the sizes do not fit or a score is not finite
 *
 * @example
 * bestMatching([1, 5, 4, 6], 2, 2) // { columns: [1, 0], total: 9 }
 */
export function bestMatching(scores: ArrayLike<number>, rows: number, columns: number): Matching {
  if (scores.length !== rows * columns)
    throw new InputError('scores', `${scores.length} numbers`, `${rows} × ${columns} = ${rows * columns} numbers`)
  for (let at = 0; at < scores.length; at++)
    if (!Number.isFinite(scores[at])) throw new InputError('scores', String(scores[at]), 'finite numbers')
  const turned = rows > columns
  const few = turned ? columns : rows
  const many = turned ? rows : columns
  const costs = new Float64Array(few * many)
  for (let one = 0; one < few; one++)
    for (let other = 0; other < many; other++)
      costs[one * many + other] = -scores[turned ? other * columns + one : one * columns + other]
  // Numbers from 1; 0 is a column that holds the row for which a path is being looked for.
  const rowOf = new Int32Array(many + 1)
  const before = new Int32Array(many + 1)
  const rowPrice = new Float64Array(few + 1)
  const columnPrice = new Float64Array(many + 1)
  const least = new Float64Array(many + 1)
  const done = new Uint8Array(many + 1)
  for (let row = 1; row <= few; row++) {
    rowOf[0] = row
    least.fill(Infinity)
    done.fill(0)
    let column = 0
    do {
      done[column] = 1
      const from = rowOf[column]
      let next = 0
      let step = Infinity
      for (let other = 1; other <= many; other++) {
        if (done[other]) continue
        const reduced = costs[(from - 1) * many + other - 1] - rowPrice[from] - columnPrice[other]
        if (reduced < least[other]) {
          least[other] = reduced
          before[other] = column
        }
        if (least[other] < step) {
          step = least[other]
          next = other
        }
      }
      for (let other = 0; other <= many; other++)
        if (done[other]) {
          rowPrice[rowOf[other]] += step
          columnPrice[other] -= step
        } else least[other] -= step
      column = next
    } while (rowOf[column] !== 0)
    for (; column; column = before[column]) rowOf[column] = rowOf[before[column]]
  }
  const matched = new Int32Array(rows).fill(-1)
  let total = 0
  for (let other = 1; other <= many; other++) {
    if (!rowOf[other]) continue
    const [row, column] = turned ? [other - 1, rowOf[other] - 1] : [rowOf[other] - 1, other - 1]
    matched[row] = column
    total += scores[row * columns + column]
  }
  return { columns: matched, total }
}
