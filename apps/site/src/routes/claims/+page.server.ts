import { paperPath } from '#lib/format.ts'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint } }) => {
  const claims = offprint.claims()
  const count = (verdict: string) => claims.filter(claim => claim.verdict === verdict).length
  return {
    holds: count('holds'),
    broken: count('does not hold here'),
    unchecked: count('not checked'),
    papers: [...offprint.papers.values()]
      .map(({ slug, about }) => ({
        slug,
        title: about.title,
        href: paperPath(about.arxiv ?? slug),
        claims: claims.filter(claim => claim.paper === slug),
      }))
      .filter(paper => paper.claims.length > 0),
  }
}
