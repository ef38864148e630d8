/** Columns of a table as points: numbers scaled, categories as indicators, missing cells by an explicit rule. */
import { InputError, type Matrix, matrix } from '@offprint/kernels'
import { type Missing, medianOf, type Standardisation, scaleOf } from './standardise.ts'

/** A column of a table, one value a row. */
export type Variable = NumberVariable | CategoryVariable

export interface NumberVariable {
  name: string
  kind: 'number'
  /** NaN where it is missing. */
  values: Float64Array
}

export interface CategoryVariable {
  name: string
  kind: 'category'
  /** Places in `categories`; −1 where it is missing. */
  values: Int32Array
  categories: string[]
}

/** How columns of numbers are made comparable: see `standardise`; `none` leaves them as they are. */
export const scalings = ['z-score', 'robust', 'min-max', 'none'] as const satisfies (Standardisation | 'none')[]
export type Scaling = (typeof scalings)[number]

/**
 * What becomes of missing cells: `refuse` throws, `drop` leaves out rows with one, `median` puts the median of the column there, of
 * categories the commonest.
 */
export const missingRules = ['refuse', 'drop', 'median'] as const satisfies Missing[]
export type MissingRule = (typeof missingRules)[number]

export interface VariablesOptions {
  /** Default `z-score`. */
  scaling?: Scaling
  /** Default `refuse`. */
  missing?: MissingRule
}

export interface VariablePoints {
  points: Matrix
  /** The row of the table that each point is. */
  rows: Uint32Array
  /** Missing cells that were given a value. */
  filled: number
}

/**
 * Rows of a table as points. A column of numbers is one coordinate, constant ones are 0 (as they are with `none`). A column of
 * categories is one indicator for each of them. With `z-score` and `robust` these are scaled together to variance 1, so that the
 * column counts as much as a standardised column of numbers; otherwise so that two rows with different categories are 1 apart. Scaled
 * in 64 bits.
 *
 * @throws InputError for no columns, columns of unequal length, a missing cell (`missing: 'refuse'`), no row without one (`drop`), a
 * column without any value, infinite numbers and numbers beyond 32-bit floats
 *
 * @example
 * const age = { name: 'age', kind: 'number', values: Float64Array.of(31, 45, 28) }
 * const plan = { name: 'plan', kind: 'category', values: Int32Array.of(0, 1, 0), categories: ['free', 'paid'] }
 * const { points } = variablePoints([age, plan])
 */
export function variablePoints(
  variables: readonly Variable[],
  { scaling = 'z-score', missing = 'refuse' }: VariablesOptions = {},
): VariablePoints {
  if (!scalings.includes(scaling)) throw new InputError('scaling', `'${scaling}'`, `one of ${scalings.join(', ')}`)
  if (!missingRules.includes(missing))
    throw new InputError('missing', `'${missing}'`, `one of ${missingRules.join(', ')}`)
  if (!variables.length) throw new InputError('variables', 'none', 'at least one column')
  const total = variables[0].values.length
  for (const { name, values } of variables)
    if (values.length !== total)
      throw new InputError('variables', `${values.length} values of '${name}'`, `one for each of ${total} rows`)
  const rows = keptRows(variables, total, missing)
  let filled = 0
  const coded = variables.map(variable => {
    for (const row of rows) if (isMissing(variable, row)) filled++
    return variable.kind === 'number' ? numberColumn(variable, rows, scaling) : indicators(variable, rows, scaling)
  })
  const width = coded.reduce((sum, columns) => sum + columns.length, 0)
  const points = matrix(rows.length, width)
  let column = 0
  for (const [at, columns] of coded.entries())
    for (const values of columns) {
      for (let row = 0; row < rows.length; row++) {
        const value = Math.fround(values[row])
        if (!Number.isFinite(value))
          throw new InputError(
            'variables',
            String(values[row]),
            `numbers of 32-bit floats (row ${rows[row] + 1}, column '${variables[at].name}')`,
          )
        points.data[row * width + column] = value
      }
      column++
    }
  return { points, rows, filled }
}

function isMissing(variable: Variable, row: number): boolean {
  return variable.kind === 'number' ? Number.isNaN(variable.values[row]) : variable.values[row] < 0
}

function keptRows(variables: readonly Variable[], total: number, missing: MissingRule): Uint32Array {
  const kept: number[] = []
  for (let row = 0; row < total; row++) {
    const gap = missing === 'median' ? undefined : variables.find(variable => isMissing(variable, row))
    if (gap && missing === 'refuse')
      throw new InputError(
        'missing',
        'an empty cell',
        'drop or median',
        `row ${row + 1}, column '${gap.name}': the cell is empty; leave out such rows (drop), fill them (median), or leave out the column`,
      )
    if (!gap) kept.push(row)
  }
  if (!kept.length)
    throw new InputError('missing', 'none', 'rows without an empty cell', 'no row is without an empty cell')
  return Uint32Array.from(kept)
}

function numberColumn({ name, values }: NumberVariable, rows: Uint32Array, scaling: Scaling): Float64Array[] {
  const column = Float64Array.from(rows, row => values[row])
  const known = column.filter(value => !Number.isNaN(value))
  if (!known.length) throw new InputError('variables', 'no value', `a column with values ('${name}' has none)`)
  if (!known.every(Number.isFinite))
    throw new InputError('variables', 'an infinite number', `finite numbers in '${name}'`)
  if (known.length < column.length) {
    const median = medianOf(known)
    for (let row = 0; row < column.length; row++) if (Number.isNaN(column[row])) column[row] = median
  }
  if (scaling === 'none') return [column]
  const [offset, scale] = scaleOf(column, scaling)
  return [column.map(value => (scale > 0 ? (value - offset) / scale : 0))]
}

function indicators({ name, values, categories }: CategoryVariable, rows: Uint32Array, scaling: Scaling) {
  const counts = new Float64Array(categories.length)
  for (const row of rows) {
    const value = values[row]
    if (value >= categories.length)
      throw new InputError('variables', String(value), `a place in the ${categories.length} categories of '${name}'`)
    if (value >= 0) counts[value]++
  }
  const commonest = counts.indexOf(counts.reduce((one, other) => Math.max(one, other), 0))
  if (!(counts[commonest] > 0))
    throw new InputError('variables', 'no value', `a column with values ('${name}' has none)`)
  const column = Int32Array.from(rows, row => (values[row] < 0 ? commonest : values[row]))
  counts.fill(0)
  for (const value of column) counts[value]++
  // The variances of the indicators add up to 1 − Σp².
  let variance = 1
  for (const count of counts) variance -= (count / rows.length) ** 2
  const equal = scaling === 'z-score' || scaling === 'robust'
  const weight = equal ? (variance > 1e-12 ? 1 / Math.sqrt(variance) : 0) : Math.SQRT1_2
  return categories.map((_, category) => Float64Array.from(column, value => (value === category ? weight : 0)))
}
