import { error } from '@sveltejs/kit'
import { showPapers } from '#lib/server/papers.ts'
import { runnable } from '#lib/server/runnable.ts'
import type { PageServerLoad } from './$types'

const papersOnPage = 100
const sortings = ['distance', 'new', 'top'] as const

export const load: PageServerLoad = ({ locals: { offprint }, params, url }) => {
  const { library } = offprint
  const topic = library.topic(params.id)
  if (!topic) error(404, 'There is no such topic any more: topics change as papers come in.')
  const sort = sortings.find(one => one === url.searchParams.get('sort')) ?? 'distance'
  const distances = new Map(topic.members.map(({ key, distance }) => [key, distance]))
  const papers =
    sort === 'distance'
      ? topic.members.slice(0, papersOnPage).flatMap(({ key }) => {
          const paper = library.paper(key)
          return paper && !('redirect' in paper) ? [paper] : []
        })
      : library.ordered([...distances.keys()], sort, papersOnPage)
  const { history } = topic
  return {
    id: topic.id,
    words: topic.words,
    medoid: topic.medoid,
    papers: showPapers(offprint, papers).map(paper => ({ paper, distance: distances.get(paper.key) ?? 0 })),
    count: topic.members.length,
    sort,
    bars: history?.periods.map((value, row) => ({ value, count: history.shares[row] })),
    unit: history?.unit,
    change: history?.change,
    factor: history?.factor,
    runnable: runnable(offprint),
  }
}
