import type { Offprint } from '@offprint/server'

/** Slugs of the papers that have a method to run. */
export function runnable(offprint: Offprint): string[] {
  return [...offprint.papers.values()].filter(paper => Object.keys(paper.methods).length > 0).map(paper => paper.slug)
}
