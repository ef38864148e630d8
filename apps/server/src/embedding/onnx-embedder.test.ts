import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { meaningOf } from './endpoint.fixture.ts'
import { openOnnxEmbedder } from './onnx-embedder.ts'
import { embedderSettingsProblem } from './settings.ts'

const fake = new URL('./transformers.fixture.ts', import.meta.url).href

function modelFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'offprint-model-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('a folder is a model once all its files are there, and gives vectors without the network', async t => {
  const folder = modelFolder(t)
  const problem = () => embedderSettingsProblem({ EMBEDDER: 'onnx', EMBEDDER_MODEL: folder })
  assert.match(problem()!, /^EMBEDDER_MODEL must be .*config\.json is missing/)
  writeFileSync(join(folder, 'config.json'), '{}')
  assert.match(problem()!, /tokenizer\.json is missing/)
  writeFileSync(join(folder, 'tokenizer.json'), '{}')
  assert.match(problem()!, /onnx\/model\.onnx or/)
  mkdirSync(join(folder, 'onnx'))
  writeFileSync(join(folder, 'onnx/model_quantized.onnx'), '')
  assert.equal(problem(), undefined)
  const embedder = openOnnxEmbedder(folder, fake)
  t.after(() => embedder.close())
  const [one, two] = await embedder.embed(['medoids', 'tokens'])
  const raw = meaningOf('tokens')
  assert.ok(two.every((value, at) => Math.abs(value - raw[at] / Math.hypot(...raw)) < 1e-6))
  assert.notDeepEqual(one, two)
  await assert.rejects(embedder.embed(['fail']), new RegExp(`refused by ${folder}`))
  assert.equal((await embedder.embed(['again'])).length, 1)
})

test('the pooling is what the model says', async t => {
  const folder = modelFolder(t)
  mkdirSync(join(folder, 'onnx'))
  writeFileSync(join(folder, 'onnx/model_quantized.onnx'), '')
  mkdirSync(join(folder, '1_Pooling'))
  writeFileSync(join(folder, '1_Pooling/config.json'), '{"pooling_mode_cls_token":true}')
  const embedder = openOnnxEmbedder(folder, fake)
  t.after(() => embedder.close())
  const [vector] = await embedder.embed(['nothing'])
  assert.equal(vector.indexOf(Math.max(...vector)), 2)
})

test('where transformers.js is missing the error says how it is installed', async t => {
  const embedder = openOnnxEmbedder(modelFolder(t), '@huggingface/transformers-that-are-not-there')
  t.after(() => embedder.close())
  await assert.rejects(embedder.embed(['a']), /npm install --no-save --ignore-scripts @huggingface\/transformers@4/)
})
