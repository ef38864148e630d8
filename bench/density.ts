/**
 * DBSCAN and HDBSCAN beside R's dbscan (Debian: r-cran-dbscan), scikit-learn (python3-sklearn; it has no HDBSCAN before 1.3) and npm's
 * density-clustering: the same rows, in turns, R and Python in processes of their own that say how long the clustering alone took.
 * R's hdbscan keeps all pairs in 64 bits: 10 GB for 50,000 rows, and as much again while it works. It is asked for so many where that
 * much memory is free, otherwise for 20,000.
 * Usage: npm run bench -- density [rounds] [rows for R's hdbscan]
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { freemem, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { dbscan, hdbscan } from '@offprint/clustering'
import { fillNormal, type Matrix, matrix, random, workerPool } from '@offprint/kernels'
import { inTurns, printMachine, timed } from './machine.ts'

const rounds = Number(process.argv[2] ?? 3)
const mostForR = Number(process.argv[3] ?? (freemem() > 21e9 ? 50_000 : 20_000))
const folder = mkdtempSync(join(tmpdir(), 'offprint-density-'))
const pool = workerPool({ threads: 2 })
const file = join(folder, 'points.f32')
const minPts = 10
const found = ({ k, noise }: { k: number; noise: number }) => `${k} clusters, ${noise} noise`
const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const peer = (command: string, words: (string | number)[]) => async () =>
  JSON.parse(execFileSync(command, words.map(String), { encoding: 'utf8', maxBuffer: 1e8 }))

printMachine()
try {
  for (const [rows, columns] of [
    [10_000, 8],
    [20_000, 8],
    [50_000, 8],
    [50_000, 2],
    [50_000, 16],
  ]) {
    const points = groups(rows, columns)
    writeFileSync(file, points.data)
    await inTurns(`HDBSCAN, ${rows.toLocaleString('en')} × ${columns}, minPts ${minPts}`, rounds, [
      ['Offprint, 2 threads', () => timed(() => hdbscan(points, { minPts, pool }), found)],
      ['Offprint, 1 thread', () => timed(() => hdbscan(points, { minPts }), found)],
      ...(rows <= mostForR
        ? [['R dbscan', peer('Rscript', [path('./density.R'), file, columns, 'hdbscan', minPts])] as const]
        : []),
    ] as Parameters<typeof inTurns>[2])
  }
  for (const [rows, columns, eps] of [
    [200_000, 2, 0.1],
    [100_000, 8, 2.5],
  ]) {
    const points = groups(rows, columns)
    writeFileSync(file, points.data)
    await inTurns(`DBSCAN, ${rows.toLocaleString('en')} × ${columns}, eps ${eps}, minPts ${minPts}`, rounds, [
      ['Offprint, 2 threads', () => timed(() => dbscan(points, { eps, minPts, pool }), found)],
      ['Offprint, 1 thread', () => timed(() => dbscan(points, { eps, minPts }), found)],
      ['R dbscan', peer('Rscript', [path('./density.R'), file, columns, 'dbscan', minPts, eps])],
      ['scikit-learn, 2 threads', peer('/usr/bin/python3', [path('./density.py'), file, columns, minPts, eps, 2])],
    ])
  }
  // By name, as types are checked where bench/node_modules may be missing.
  const name = 'density-clustering'
  const { default: density } = (await import(name)) as { default: { DBSCAN: new () => PeerDbscan } }
  const points = groups(5000, 8)
  const lists = Array.from({ length: 5000 }, (_, row) => [...points.data.subarray(row * 8, row * 8 + 8)])
  await inTurns(`DBSCAN, 5,000 × 8, eps 2.5, minPts ${minPts}`, rounds, [
    ['Offprint, 1 thread', () => timed(() => dbscan(points, { eps: 2.5, minPts }), found)],
    [
      'density-clustering',
      () => {
        const other = new density.DBSCAN()
        return timed(
          () => other.run(lists, 2.5, minPts),
          clusters => `${clusters.length} clusters, ${other.noise.length} noise`,
        )
      },
    ],
  ])
} finally {
  await pool.close()
  rmSync(folder, { recursive: true })
}

interface PeerDbscan {
  run(rows: number[][], eps: number, minPts: number): number[][]
  noise: number[]
}

/** Fifty Gaussian groups, and one row in ten anywhere. */
function groups(rows: number, columns: number): Matrix {
  const points = matrix(rows, columns, fillNormal(new Float32Array(rows * columns), { seed: 1 }))
  const { next } = random(2)
  const centres = Float32Array.from({ length: 50 * columns }, () => 20 * next())
  for (let row = 0; row < rows; row++) {
    const group = Math.floor(55 * next())
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column
      points.data[at] = group < 50 ? points.data[at] + centres[group * columns + column] : 20 * next()
    }
  }
  return points
}
