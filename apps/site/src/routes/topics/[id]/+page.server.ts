import { error } from '@sveltejs/kit'
import { showPaper } from '#lib/server/papers.ts'
import { runnable } from '#lib/server/runnable.ts'
import type { PageServerLoad } from './$types'

const shown = 200

export const load: PageServerLoad = ({ locals: { offprint }, params }) => {
  const topic = offprint.library.topic(params.id)
  if (!topic) error(404, 'There is no such topic any more: topics change as papers come in.')
  const papers = topic.members.slice(0, shown).flatMap(({ key, distance }) => {
    const paper = offprint.library.paper(key)
    return paper && !('redirect' in paper) ? [{ paper: showPaper(offprint, paper), distance }] : []
  })
  return { id: topic.id, words: topic.words, papers, count: topic.members.length, runnable: runnable(offprint) }
}
