/** Data for the claims: reference sets where this machine has them, else data made here from the seed. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type Matrix, matrix, random } from '@offprint/kernels'
import type { RunContext } from '../define.ts'
import { numericMatrix, parseTable } from '../table.ts'

export interface ClaimData {
  points: Matrix
  /** What it is, as the claim's row says it. */
  on: string
}

/** Texture descriptors of plant leaves: 1,600 rows, 64 columns. */
export function leaves(context: RunContext): ClaimData {
  return (
    reference(context, 'plants-leaves', 'data_Tex_64.csv.gz', 'plant leaves, texture') ??
    made(context, { rows: 1600, columns: 64, groups: 100 })
  )
}

/** Hand-written digits as 8 × 8 counts: 1,797 rows, 64 columns. */
export function digits(context: RunContext): ClaimData {
  return (
    reference(context, 'optdigits', 'optdigits.tes.csv.gz', 'optical digits, test part', 64) ??
    made(context, { rows: 1797, columns: 64, groups: 10 })
  )
}

function reference(
  context: RunContext,
  name: string,
  file: string,
  title: string,
  columns?: number,
): ClaimData | undefined {
  const folder = context.dataset(name)
  if (!folder || !existsSync(join(folder, file))) return undefined
  const table = parseTable(gunzipSync(readFileSync(join(folder, file))), { name: file.replace(/\.gz$/, '') })
  // What stands behind the values is the class.
  const wanted = columns === undefined ? [] : table.columns.slice(0, columns).map(column => column.name)
  const read = numericMatrix(table, { wanted })
  return { points: matrix(read.rows, read.columns, read.data), on: `${title} (${read.rows} × ${read.columns})` }
}

/** Gaussian groups of differing width around centres in the unit cube. */
function made(
  { seed }: RunContext,
  { rows, columns, groups }: { rows: number; columns: number; groups: number },
): ClaimData {
  const { next } = random(seed)
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
  const centres = Float64Array.from({ length: groups * columns }, next)
  const widths = Float64Array.from({ length: groups }, () => 0.1 + 0.2 * next())
  const points = matrix(rows, columns)
  for (let row = 0; row < rows; row++) {
    const group = Math.floor(next() * groups)
    for (let column = 0; column < columns; column++)
      points.data[row * columns + column] = centres[group * columns + column] + widths[group] * normal()
  }
  return {
    points,
    on: `data made here (${rows} × ${columns}, ${groups} Gaussian groups); the paper's data is not on this machine (setting DATASETS_DIR)`,
  }
}
