import { paperPath } from '#lib/format.ts'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint } }) => {
  const claims = offprint.claims()
  const count = (verdict: string) => claims.filter(claim => claim.verdict === verdict).length
  return {
    claims,
    holds: count('holds'),
    broken: count('does not hold here'),
    unchecked: count('not checked'),
    titles: Object.fromEntries(
      [...offprint.papers.values()].map(({ slug, about }) => [
        slug,
        { title: about.title, href: paperPath(about.arxiv ?? slug) },
      ]),
    ),
  }
}
