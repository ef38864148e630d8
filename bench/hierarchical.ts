/**
 * Hierarchical clustering in one thread and two beside SciPy (Debian: python3-scipy) and npm's ml-hclust: the same rows, in turns, each peer in a process of its own
 * that says how long the clustering alone took. SciPy and ml-hclust have the distances worked out within.
 * Usage: npm run bench -- hierarchical [rounds] [rows] [columns]
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { agglomerative, type Hierarchy, linkages } from '@offprint/clustering'
import { fillNormal, matrix, workerPool } from '@offprint/kernels'
import { inTurns, printMachine, timed } from './machine.ts'

const [rounds, rows, columns] = [process.argv[2] ?? 3, process.argv[3] ?? 20_000, process.argv[4] ?? 16].map(Number)
const folder = mkdtempSync(join(tmpdir(), 'offprint-hierarchical-'))
const file = join(folder, 'points.f32')
const script = fileURLToPath(new URL('./hierarchical.py', import.meta.url))
const highest = ({ merges }: Hierarchy) => `highest ${merges.at(-2)!.toFixed(6)}`

const pool = workerPool({ threads: 2 })

printMachine()
try {
  const points = matrix(rows, columns, fillNormal(new Float32Array(rows * columns), { seed: 1 }))
  writeFileSync(file, points.data)
  for (const linkage of linkages)
    await inTurns(`${linkage}, ${rows.toLocaleString('en')} × ${columns}`, rounds, [
      ['Offprint', () => timed(() => agglomerative(points, { linkage }), highest)],
      ['two threads', () => timed(() => agglomerative(points, { linkage, pool }), highest)],
      [
        'SciPy',
        async () =>
          JSON.parse(execFileSync('/usr/bin/python3', [script, file, String(columns), linkage], { encoding: 'utf8' })),
      ],
    ])
  // Its time grows with the third power of the rows.
  const few = Math.min(rows, 1000)
  const some = matrix(few, columns, points.data.slice(0, few * columns))
  // By name, as types are checked where bench/node_modules may be missing.
  const name = 'ml-hclust'
  const { agnes } = (await import(name)) as { agnes(rows: number[][], options: { method: string }): { height: number } }
  const lists = Array.from({ length: few }, (_, row) => [...some.data.subarray(row * columns, (row + 1) * columns)])
  for (const [linkage, method] of [
    ['average', 'average'],
    ['complete', 'complete'],
    ['single', 'single'],
  ] as const)
    await inTurns(`${linkage}, ${few.toLocaleString('en')} × ${columns}`, rounds, [
      ['Offprint', () => timed(() => agglomerative(some, { linkage }), highest)],
      [
        'ml-hclust',
        () =>
          timed(
            () => agnes(lists, { method }),
            tree => `highest ${tree.height.toFixed(6)}`,
          ),
      ],
    ])
} finally {
  await pool.close()
  rmSync(folder, { recursive: true })
}
