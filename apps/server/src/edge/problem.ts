/** Errors over HTTP, as problem+json (RFC 9457) with the fields that are to blame. */
import type { ServerResponse } from 'node:http'
import { InputError } from '@offprint/kernels'
import { InputErrors } from '@offprint/papers/fields'
import { TooLargeError } from '../files.ts'
import { QueueFullError } from '../runs/runs.ts'

export interface Problem {
  status: number
  title: string
  detail: string
  errors?: { field: string; message: string }[]
}

/** A request that cannot be served, with its HTTP status. */
export class HttpError extends Error {
  status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const titles: Record<number, string> = {
  400: 'Bad request',
  401: 'Owner token needed',
  403: 'Refused',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  410: 'Gone',
  411: 'Length required',
  413: 'Too large',
  415: 'Unsupported content type',
  421: 'Unknown host',
  422: 'Input cannot be used',
  429: 'Too many requests',
  503: 'Busy',
}

/** What an error says to a client. Errors nobody foresaw are logged, and say nothing about the inside. */
export function problemOf(error: unknown): Problem {
  const problem = (status: number, detail: string, errors?: Problem['errors']): Problem => ({
    status,
    title: titles[status] ?? 'Error',
    detail,
    ...(errors && { errors }),
  })
  if (error instanceof InputErrors)
    return problem(
      422,
      error.message,
      error.errors.map(({ field, message }) => ({ field, message })),
    )
  if (error instanceof InputError) {
    const unknown = error.field === 'paper' || error.field === 'method' || error.field === 'claim'
    return problem(unknown ? 404 : 422, error.message, [{ field: error.field, message: error.message }])
  }
  if (error instanceof TooLargeError) return problem(413, error.message)
  if (error instanceof QueueFullError) return problem(503, error.message)
  if (error instanceof HttpError) return problem(error.status, error.message)
  if (isBusy(error)) return problem(503, 'another process is writing to the library; try again in a moment')
  console.error(error)
  return { status: 500, title: 'Error', detail: 'Something went wrong here; the server’s log has the details.' }
}

/** SQLite's word for a lock that was not let go in time. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && (error as { errcode?: number }).errcode === 5
}

export function sendProblem(response: ServerResponse, problem: Problem): void {
  if (response.headersSent) return void response.end()
  response.writeHead(problem.status, { 'content-type': 'application/problem+json', 'cache-control': 'no-store' })
  response.end(JSON.stringify({ type: 'about:blank', ...problem }))
}

export function sendJson(
  response: ServerResponse,
  value: unknown,
  status = 200,
  headers: Record<string, string> = {},
): void {
  sendWrittenJson(response, JSON.stringify(value), status, headers)
}

/** The same for what is JSON already, in UTF-8 where it is bytes. */
export function sendWrittenJson(
  response: ServerResponse,
  json: string | Uint8Array,
  status = 200,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers })
  response.end(json)
}

/** 303: the browser goes on with a GET, so that going back and reloading never send a form twice. */
export function seeOther(response: ServerResponse, location: string, headers: Record<string, string> = {}): void {
  response.writeHead(303, { location, ...headers })
  response.end()
}
