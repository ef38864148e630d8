import { showPapers } from '#lib/server/papers.ts'
import type { PageServerLoad } from './$types'

const shownNotes = 20

export const load: PageServerLoad = ({ locals: { offprint }, url }) => {
  const { library } = offprint
  const { reading } = library
  return {
    unfinished: showPapers(
      offprint,
      reading.unfinished(5).map(({ paper }) => paper),
    ),
    notes: reading.notes(shownNotes).map(({ paper, note }) => ({ key: paper.key, title: paper.title, note })),
    counts: reading.counts(),
    lists: reading.lists(),
    tags: reading.tags(),
    searches: reading.searches().map(search => ({ ...search, fresh: library.countSince(search.query, search.seenAt) })),
    feedKeys: reading.feedKeys(),
    // Shown once, right after it was made.
    key: url.searchParams.get('key')?.slice(0, 100),
    locked: offprint.settings.OWNER_TOKEN !== undefined,
    place: offprint.place.url,
  }
}
