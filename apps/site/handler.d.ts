import type { IncomingMessage, ServerResponse } from 'node:http'

/** Kit's handler, made by the build. */
export declare const handler: (request: IncomingMessage, response: ServerResponse, next?: () => void) => void
