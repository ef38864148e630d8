/**
 * Whether somebody looks at the page: what a browser fetches ahead, or as a picture or a frame of another page, was not opened, and
 * leaves nothing behind.
 */
export function isVisit({ headers }: Request): boolean {
  return (
    (headers.get('sec-fetch-dest') ?? 'document') === 'document' && !/prefetch/.test(headers.get('sec-purpose') ?? '')
  )
}
