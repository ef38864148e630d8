import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint } }) => {
  const { library } = offprint
  const titles = (keys: string[]) =>
    keys.flatMap(key => {
      const paper = library.paper(key)
      return paper && !('redirect' in paper) ? [{ key, title: paper.title }] : []
    })
  return {
    topics: library.topics().map(topic => ({
      id: topic.id,
      words: topic.words,
      count: topic.members.length,
      medoid: titles([topic.medoid])[0],
      next: titles(topic.members.slice(1, 4).map(member => member.key)),
    })),
    papers: library.count(),
    outdated: library.topicsRevision() !== library.revision(),
  }
}
