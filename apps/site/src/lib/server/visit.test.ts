import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isVisit } from './visit.ts'

test('a page counts as opened where somebody looks at it', () => {
  const visit = (headers: Record<string, string>) => isVisit(new Request('http://localhost/', { headers }))
  assert.ok(visit({}), 'a browser that does not say')
  assert.ok(visit({ 'sec-fetch-dest': 'document', 'sec-fetch-site': 'cross-site' }), 'a link on another site')
  assert.ok(visit({ 'sec-fetch-dest': 'empty', 'sec-fetch-site': 'same-origin' }), 'by the service worker')
  assert.ok(!visit({ 'sec-fetch-dest': 'empty', 'sec-fetch-site': 'cross-site' }), 'by a script of another site')
  for (const dest of ['image', 'iframe', 'empty', 'script']) assert.ok(!visit({ 'sec-fetch-dest': dest }), dest)
  assert.ok(!visit({ 'sec-fetch-dest': 'document', 'sec-purpose': 'prefetch;prerender' }))
})
