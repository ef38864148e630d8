/** The library of papers: what is in it, how it is found, and how more comes in. */
import type { DatabaseSync } from 'node:sqlite'
import type { Library } from './types.ts'

export type { Library } from './types.ts'

/**
 * Opens the library in a database, and makes its tables where they are missing.
 *
 * @param options.now the clock; default the system's
 */
export declare function createLibrary(database: DatabaseSync, options?: { now?: () => Date }): Library
