export * from './input-error.ts'
export * from './long-call.ts'
export * from './matrix.ts'
export * from './matrix-files.ts'
