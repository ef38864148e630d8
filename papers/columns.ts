/** Columns of a table as people name them, and those that tell rows apart without measuring anything. */

/** A name of several lines as it can be given. */
export const inOneLine = (name: string) => name.replace(/\s+/g, ' ')

/** Names separated by commas; one with a comma stands in double quotes, as in CSV. */
export function namesIn(list: string): string[] {
  return [...list.matchAll(/\s*("(?:[^"]|"")*"(?=\s*(?:,|$))|[^,]*)\s*(?:,|$)/g)]
    .map(([, name]) =>
      name
        .trim()
        .replace(/^"(.*,.*)"$/s, (_, inner) => inner.replaceAll('""', '"'))
        .trim(),
    )
    .filter(Boolean)
}

/**
 * Why a column of numbers says which row it is rather than what the row is like; undefined where it measures something.
 * @param values one for each row, NaN where it is empty
 */
export function whyId(name: string, values: Float64Array): string | undefined {
  const known = values.filter(value => !Number.isNaN(value))
  if (!known.every(Number.isInteger)) return undefined
  const isNamed = /(^|[_\s-])(id|key|code|index|number|nr|no|row)$|[a-z](Id|ID)$|^id([_\s-]|$)/i.test(name)
  if (isNamed && new Set(known).size === known.length) return 'an id: a different whole number in every row'
  if (known.length > 4 && known.every((value, at) => value === known[0] + at)) return 'it counts the rows'
  return undefined
}
