import type { PageServerLoad } from './$types'

/** What rises clearly, then what may, then what falls. */
const rank = (change: 'rising' | 'falling' | undefined) => (change === 'rising' ? 0 : change ? 2 : 1)

export const load: PageServerLoad = ({ locals: { offprint }, url }) => {
  const { library } = offprint
  const byChange = url.searchParams.get('sort') === 'change'
  const topics = library.topics()
  const order = byChange
    ? topics.toSorted(
        (a, b) =>
          rank(a.history?.change) - rank(b.history?.change) || (b.history?.factor ?? 1) - (a.history?.factor ?? 1),
      )
    : topics
  const titles = (keys: string[]) =>
    keys.flatMap(key => {
      const paper = library.paper(key)
      return paper && !('redirect' in paper) ? [{ key, title: paper.title }] : []
    })
  return {
    byChange,
    unit: topics[0]?.history?.unit,
    topics: order.map(topic => ({
      id: topic.id,
      words: topic.words,
      count: topic.members.length,
      bars: topic.history?.periods.map((value, row) => ({ value, count: topic.history!.shares[row] })),
      change: topic.history?.change,
      factor: topic.history?.factor,
      medoid: titles([topic.medoid])[0],
      next: titles(topic.members.slice(1, 4).map(member => member.key)),
    })),
    papers: library.count(),
    outdated: library.topicsRevision() !== library.revision(),
  }
}
