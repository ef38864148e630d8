/** The shared data sets: tests on them are skipped by name where this machine does not have them. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { type Matrix, matrix } from '@offprint/kernels'

export const data = fileURLToPath(new URL('../../../../shared/data', import.meta.url))

export const on = (name: string) => ({
  skip: existsSync(join(data, name)) ? false : `the shared data set ${name} is not here`,
})

/** Numbers of a file without header, separated by commas or blanks; columns after the first `skipped`. */
export function table(file: string, columns?: number, skipped = 0): Matrix {
  const lines = gunzipSync(readFileSync(join(data, file)))
    .toString('utf8')
    .trim()
    .split('\n')
    .map(line =>
      line
        .trim()
        .split(skipped ? ',' : /,|\s+/)
        .slice(skipped)
        .map(Number),
    )
  const width = columns ?? lines[0].length
  const points = matrix(lines.length, width)
  for (const [row, cells] of lines.entries()) points.data.set(cells.slice(0, width), row * width)
  return points
}

/** Optical digits: 64 counts of dark pixels, and the digit. */
export function digits(): { points: Matrix; labels: Int32Array } {
  const all = table('optdigits/optdigits.tes.csv.gz', 65)
  const points = matrix(all.rows, 64)
  for (let row = 0; row < all.rows; row++) points.data.set(all.data.subarray(row * 65, row * 65 + 64), row * 64)
  return { points, labels: Int32Array.from({ length: all.rows }, (_, row) => all.data[row * 65 + 64]) }
}

const batteries: Record<string, string> = {
  iris: 'other',
  wine: 'uci',
  s1: 'sipu',
  d31: 'sipu',
  a3: 'sipu',
  unbalance: 'sipu',
  engytime: 'fcps',
  chainlink: 'fcps',
}

/** A set of the clustering benchmark with its first reference labels, from 0; or `optdigits.tes`. */
export function benchmark(name: string): { points: Matrix; labels: Int32Array } {
  if (name === 'optdigits.tes') return digits()
  const path = `clustering-bench/${batteries[name]}/${name}`
  const labels = table(`${path}.labels0.gz`, 1)
  return { points: table(`${path}.data.gz`), labels: Int32Array.from(labels.data, label => label - 1) }
}

export const folderOf = (name: string) => (name === 'optdigits.tes' ? 'optdigits' : 'clustering-bench')
