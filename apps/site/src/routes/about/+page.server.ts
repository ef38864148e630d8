import { paperPath } from '#lib/format.ts'
import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint } }) => ({
  count: offprint.library.count(),
  embedder: offprint.embedder(),
  limits: offprint.settings,
  tools: [...offprint.tools.values()].map(({ slug, about, methods }) => ({
    title: about.title,
    href: offprint.pageOf(slug),
    methods: Object.keys(methods),
  })),
  papers: [...offprint.papers.values()].map(({ slug, about, methods }) => ({
    slug,
    title: about.title,
    href: paperPath(about.arxiv ?? slug),
    methods: Object.keys(methods),
  })),
})
