/** What the reader makes of one paper, with what there is to choose from. */
import type { Offprint } from '@offprint/server'

const mostShown = 12

export function showMarks({ library: { reading } }: Offprint, key: string) {
  const marks = reading.marks(key)
  const names = [...new Set([...marks.lists, ...reading.lists().map(list => list.name)])].slice(0, mostShown)
  return {
    marks,
    lists: names.map(name => ({ name, has: marks.lists.includes(name) })),
    tags: reading
      .tags()
      .slice(0, 50)
      .map(({ tag }) => tag),
  }
}

export type ShownMarks = ReturnType<typeof showMarks>
