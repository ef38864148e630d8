/**
 * Whether somebody looks at the page: what a browser fetches ahead, or as a picture or a frame of another page, was not opened, and
 * leaves nothing behind.
 */
export function isVisit({ headers }: Request): boolean {
  if (/prefetch/.test(headers.get('sec-purpose') ?? '')) return false
  const dest = headers.get('sec-fetch-dest') ?? 'document'
  // Through the service worker a page comes as any other thing that a script of ours fetches.
  return dest === 'document' || (dest === 'empty' && headers.get('sec-fetch-site') === 'same-origin')
}
