/** What a browser asks for, and where it may be sent. */
import type { IncomingMessage } from 'node:http'

export function wantsPage(request: IncomingMessage): boolean {
  return /\btext\/html\b/.test(request.headers.accept ?? '')
}

/** Programs that read text ask for it; browsers never do. */
export function wantsMarkdown(request: IncomingMessage): boolean {
  return /\btext\/markdown\b/.test(request.headers.accept ?? '') && !wantsPage(request)
}

/** Only a path of this site: `//elsewhere` and `/\elsewhere` would leave it. */
export function ownPath(next: string | null): string {
  return next && /^\/(?![/\\])[\x21-\x7e]*$/.test(next) ? next : '/'
}
