/** What stands beside a day's papers: what runs here, the topics, the latest runs. */
import type { Offprint } from '@offprint/server'
import type { Runnable } from './runnable.ts'

const most = { unfinished: 3, runnable: 6, topics: 8, runs: 3 }

export function showRail(offprint: Offprint, running: Record<string, Runnable>) {
  const all = Object.values(running)
  return {
    unfinished: offprint.library.reading
      .unfinished(most.unfinished)
      .map(({ paper, openedAt }) => ({ key: paper.key, title: paper.title, openedAt })),
    running: all.slice(0, most.runnable),
    runningCount: all.length,
    paperCount: offprint.papers.size,
    topics: offprint.library
      .topics()
      .slice(0, most.topics)
      .map(({ id, words, members }) => ({ id, words: words.slice(0, 3).join(', '), count: members.length })),
    runs: offprint.runs.store.list({ limit: most.runs }),
  }
}

export type ShownRail = ReturnType<typeof showRail>
