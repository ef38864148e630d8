/** What an error says over HTTP. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/harness.ts'
import { problemOf } from './problem.ts'

test('a database that another process holds is said to be busy, and nothing else is', t => {
  const file = join(temporaryFolder(t), 'locked.db')
  const [one, other] = [new DatabaseSync(file), new DatabaseSync(file, { timeout: 0 })]
  one.exec('CREATE TABLE a (b); BEGIN IMMEDIATE')
  let error: unknown
  try {
    other.exec('INSERT INTO a VALUES (1)')
  } catch (caught) {
    error = caught
  }
  assert.deepEqual(problemOf(error), {
    status: 503,
    title: 'Busy',
    detail: 'another process is writing to the library; try again in a moment',
  })
  one.close()
  other.close()
  const said = t.mock.method(console, 'error', () => {})
  assert.equal(problemOf(Object.assign(new Error('x'), { errcode: 11 })).status, 500)
  assert.equal(said.mock.callCount(), 1)
})
