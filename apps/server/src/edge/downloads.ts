/** What a run leaves, as files to take away: a table, a file, an input, or all of it in one archive. */
import { createReadStream } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import Papa from 'papaparse'
import yazl from 'yazl'
import { fileSize } from '../files.ts'
import type { Offprint } from '../offprint.ts'
import { type BlockTable, blockTable } from '../runs/block-table.ts'
import type { RunRecord } from '../runs/types.ts'
import { HttpError } from './problem.ts'

interface Download {
  response: ServerResponse
  offprint: Offprint
}

/** The rows of a table or the points of a chart. */
export function sendTable({ response, offprint }: Download, id: string, name: string): void {
  const { blocks } = recordOf(offprint, id)
  const block = blocks.find(one => one.name === name)
  const table = block && blockTable(block)
  if (!table) throw noSuch('result')
  sendHead(response, `${id}-${name}.csv`, { 'content-type': 'text/csv; charset=utf-8' })
  response.end(toCsv(table))
}

/** A file that the run left. */
export function sendRunFile({ response, offprint }: Download, id: string, file: string): void {
  const { blocks } = recordOf(offprint, id)
  if (!blocks.some(block => block.type === 'file' && block.file === file)) throw noSuch('result')
  sendFile(response, join(offprint.runs.store.directory(id), file), file)
}

/** A file that was the run's input. */
export function sendInput({ response, offprint }: Download, id: string, field: string): void {
  const input = inputFiles(offprint, recordOf(offprint, id)).find(one => one.field === field)
  if (!input) throw noSuch('input file')
  sendFile(response, input.path, input.name)
}

/** `record.json`, each table and chart as CSV, the files that the run left, and those that were its input. */
export function sendArchive({ response, offprint }: Download, id: string): void {
  const record = recordOf(offprint, id)
  const archive = new yazl.ZipFile()
  const mtime = new Date(record.run.startedAt ?? record.run.createdAt)
  archive.addBuffer(Buffer.from(`${JSON.stringify(record, null, 2)}\n`), 'record.json', { mtime })
  for (const block of record.blocks) {
    const table = blockTable(block)
    if (table) archive.addBuffer(Buffer.from(toCsv(table)), `${safe(block.name)}.csv`, { mtime })
    if (block.type === 'file') {
      const path = join(offprint.runs.store.directory(id), block.file)
      sizeOf(path, block.file)
      archive.addFile(path, `files/${safe(block.file)}`)
    }
  }
  for (const { path, field, name } of inputFiles(offprint, record))
    archive.addFile(path, `inputs/${safe(field)}-${safe(name)}`)
  sendHead(response, `${record.run.paper}-${id}.zip`, { 'content-type': 'application/zip' })
  archive.on('error', error => response.destroy(error as Error))
  archive.outputStream.pipe(response)
  archive.end()
}

function recordOf(offprint: Offprint, id: string): RunRecord {
  const record = offprint.runs.store.record(id)
  if (!record) throw new HttpError(404, `there is no run ${id.slice(0, 40)}`)
  return record
}

function inputFiles(offprint: Offprint, { run }: RunRecord): { field: string; name: string; path: string }[] {
  return Object.entries(run.input).flatMap(([field, value]) => {
    const stored = value as { file?: string; name?: string } | undefined
    const path = stored?.file && stored.name !== undefined ? offprint.files.path(stored.file) : undefined
    return path ? [{ field, name: stored!.name || field, path }] : []
  })
}

const noSuch = (what: string) => new HttpError(404, `this run has no such ${what}`)

/** Cells that a spreadsheet would take for formulas are quoted with an apostrophe. */
function toCsv({ columns, rows }: BlockTable): string {
  return `${Papa.unparse({ fields: columns, data: rows }, { escapeFormulae: true, newline: '\n' })}\n`
}

/** A name inside of an archive: no folders, nothing hidden. */
function safe(name: string): string {
  return name.replace(/[^\p{L}\p{N}._-]/gu, '_').replace(/^\.+/, '_') || '_'
}

function sendFile(response: ServerResponse, path: string, name: string): void {
  sendHead(response, name, { 'content-type': 'application/octet-stream', 'content-length': sizeOf(path, name) })
  createReadStream(path).pipe(response)
}

/** @throws HttpError before anything is sent where the file is gone */
function sizeOf(path: string, name: string): number {
  try {
    return fileSize(path)
  } catch {
    throw new HttpError(410, `${name} is no longer on the disk; repeat the run`)
  }
}

function sendHead(response: ServerResponse, name: string, headers: Record<string, string | number>): void {
  response.writeHead(200, { ...headers, 'content-disposition': attachment(name) })
}

/** Always a download, never shown: what users uploaded must not run as a page of this site. */
export function attachment(name: string): string {
  return `attachment; filename="${name.replace(/[^A-Za-z0-9._-]/g, '_')}"; filename*=UTF-8''${encodeURIComponent(name.toWellFormed())}`
}
