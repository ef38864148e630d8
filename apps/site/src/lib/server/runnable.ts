import type { ClaimRow, Offprint } from '@offprint/server'

/** A paper that runs here, with what its claims came to. */
export interface Runnable {
  slug: string
  /** As the paper is called for short: its slug's address shows it in full. */
  title: string
  key: string
  methods: string[]
  verdicts: ClaimRow['verdict'][]
}

/** The papers that have a method to run, by slug. */
export function runnable(offprint: Offprint): Record<string, Runnable> {
  const verdicts = Map.groupBy(offprint.claims(), claim => claim.paper)
  return Object.fromEntries(
    [...offprint.papers.values()]
      .filter(paper => Object.keys(paper.methods).length > 0)
      .map(({ slug, about, methods }) => [
        slug,
        {
          slug,
          title: about.title,
          key: about.arxiv ?? slug,
          methods: Object.values(methods).map(method => method.title),
          verdicts: (verdicts.get(slug) ?? []).map(claim => claim.verdict),
        },
      ]),
  )
}
