import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint } }) => ({
  tools: [...offprint.tools.values()].map(({ slug, about, methods }) => ({
    ...about,
    slug,
    href: offprint.pageOf(slug),
    methods: Object.values(methods).map(({ title }) => title),
  })),
})
