/** A run's result on disk: `result.txt` in the run's folder, a line with the SHA-256 of the rest, then its blocks as JSON. */
import { hash } from 'node:crypto'
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Block } from '@offprint/papers'

export const resultFile = 'result.txt'

/** Writes under a temporary name and renames, so that a result is there as a whole or not at all. */
export function writeResult(runDirectory: string, blocks: Block[]): void {
  const text = JSON.stringify(blocks)
  const target = join(runDirectory, resultFile)
  writeFileSync(`${target}.part`, `${hash('sha256', text)}\n${text}`, { flush: true })
  renameSync(`${target}.part`, target)
}

const mostKept = 16
/** Results read lately, for as long as the memory is not needed: whoever sorts a table of 100,000 rows asks again. */
const kept = new Map<string, { stamp: string; blocks: WeakRef<Block[]> }>()

/** @throws Error where the file is missing, or not as it was written */
export function readResult(runDirectory: string): Block[] {
  const path = join(runDirectory, resultFile)
  const { mtimeMs, size, ino } = statSync(path)
  const stamp = `${mtimeMs} ${size} ${ino}`
  const before = kept.get(path)
  const known = before?.stamp === stamp ? before.blocks.deref() : undefined
  if (known) return known
  const blocks = parseResult(path)
  kept.delete(path)
  kept.set(path, { stamp, blocks: new WeakRef(blocks) })
  if (kept.size > mostKept) kept.delete(kept.keys().next().value!)
  return blocks
}

function parseResult(path: string): Block[] {
  const content = readFileSync(path, 'utf8')
  const end = content.indexOf('\n')
  const text = content.slice(end + 1)
  if (end !== 64 || hash('sha256', text) !== content.slice(0, end)) throw new Error('the stored result is damaged')
  return JSON.parse(text)
}
