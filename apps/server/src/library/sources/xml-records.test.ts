import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { completeOrNothing, outcome, piecesOf, sameWhereverCut } from './arxiv-answers.fixture.ts'
import {
  childrenOf,
  childText,
  longestRecord,
  readXmlRecords,
  textOf,
  type XmlElement,
  XmlError,
} from './xml-records.ts'

const options = { roots: ['list', '{urn:a}list'], expected: 'a list', records: ['item', '{urn:a}item', 'note'] }

async function* read(chunks: Iterable<Uint8Array | string>, onInvalid?: () => void): AsyncGenerator<XmlElement> {
  for await (const elements of readXmlRecords(chunks, { ...options, onInvalid })) yield* elements
}

async function records(text: string) {
  const { items, error } = await outcome(read([text]))
  if (error) throw error
  return items
}

const failure = async (text: string) => String((await outcome(read([text]))).error)

/** Counts how much of an endless text is read before it is given up. */
async function readOf(start: string, piece: string) {
  let characters = 0
  function* endless() {
    yield start
    for (;;) {
      characters += piece.length
      yield piece
    }
  }
  const { items, error } = await outcome(read(endless()))
  assert.ok(error instanceof XmlError, String(error))
  assert.deepEqual(items, [])
  return { characters, message: error.message }
}

describe('records of XML', () => {
  test('are known by namespace and name, whatever the prefix and the place', async () => {
    const found = await records(
      `<?xml version="1.0"?><b:list xmlns:b="urn:a">
        <group><item xmlns="urn:a" kind="x" b:kind="y">one</item></group>
        <b:item><b:title>two</b:title><title>other</title></b:item>
        <item>no namespace</item><item xmlns="urn:b">a stranger</item><note/></b:list>`,
    )
    assert.deepEqual(
      found.map(({ name, line }) => [name, line]),
      [
        ['{urn:a}item', 2],
        ['{urn:a}item', 3],
        ['item', 4],
        ['note', 4],
      ],
    )
    assert.equal(found[0].attributes.get('kind'), 'x')
    assert.equal(found[0].attributes.get('{urn:a}kind'), 'y')
    assert.equal(childText(found[1], '{urn:a}title'), 'two')
    assert.equal(childText(found[1], '{urn:a}nothing'), '')
    assert.equal(childrenOf(found[1], 'title').length, 1)
  })

  test('hold their text in order, with entities, CDATA and elements within', async () => {
    const [item] = await records(
      '<list><item>a &lt;b&gt; &amp;amp; &#233;&#x1F642;<i>in<b>ner</b></i><!-- no --><![CDATA[<c> & ]]>d<?x y?></item></list>',
    )
    assert.equal(textOf(item), 'a <b> &amp; é🙂inner<c> & d')
  })

  test('within one another are one', async () => {
    const found = await records('<list><item>a<item>b</item></item><note>c</note></list>')
    assert.deepEqual(found.map(textOf), ['ab', 'c'])
  })

  test('come as soon as they end, not with the last of the document', async () => {
    async function* chunks() {
      yield '<list><item>1</item><item>2'
      yield '</item>'
      throw new Error('the connection was lost')
    }
    const found: string[] = []
    await assert.rejects(async () => {
      for await (const elements of readXmlRecords(chunks(), options)) found.push(...elements.map(textOf))
    }, /connection was lost/)
    assert.deepEqual(found, ['1', '2'])
  })

  test('are UTF-8, whatever the declaration says', async () => {
    const [item] = await records('<?xml version="1.0" encoding="ISO-8859-1"?><list><item>Wübben</item></list>')
    assert.equal(textOf(item), 'Wübben')
    const [marked] = await records('\ufeff<list><item>é</item></list>')
    assert.equal(textOf(marked), 'é')
  })

  test('have U+FFFD for wrong bytes and for what XML forbids, which is noted once', async () => {
    const texts = [
      Buffer.concat([Buffer.from('<list><item>a'), Buffer.of(0xff, 0xfe), Buffer.from('b</item></list>')]),
      Buffer.concat([Buffer.from('<list><item>a'), Buffer.of(0xff, 0x0b), Buffer.from('b</item></list>')]),
      '<list><item>a\u0001\u000bb</item></list>',
      '<list><item>a\ud800\udbffb</item></list>',
    ]
    for (const text of texts) {
      let notes = 0
      const { items } = await outcome(read([text, ''], () => notes++))
      assert.equal(textOf(items[0]), 'a\ufffd\ufffdb')
      assert.equal(notes, 1)
    }
    let notes = 0
    const halves = ['<list><item>\ud83d', '\ude42</item></list>']
    const { items } = await outcome(read(halves, () => notes++))
    assert.deepEqual([textOf(items[0]), notes], ['🙂', 0])
  })

  test('are the same wherever the chunks end', async () => {
    const text =
      '<?xml version="1.0"?>\r\n<list a="1">\r<item k="a&amp;\r\nb">é🙂&lt;&#x20AC;]]&gt;<![CDATA[ ]] ]]>\r\n</item>\n<!-- - -><item/> -->' +
      '<x><item\r\n>中文</item></x><note/></list>\r\n'
    await sameWhereverCut(text, read)
    await completeOrNothing(text, read)
    await sameWhereverCut(text.replace('中文', '中文&wrong;'), read)
    await sameWhereverCut(text.replace('<note/>', '<note>'), read)
  })

  test('that came whole before an error are given before it', async () => {
    const { items, error } = await outcome(read(['<list>\n<item>1</item>\n<item>2</item></item><item>3</item></list>']))
    assert.deepEqual(items.map(textOf), ['1', '2'])
    assert.ok(error instanceof XmlError)
    assert.equal(error.line, 3)
  })

  test('may stand between any number of comments and instructions', async () => {
    const comments = `<!-- ${'x'.repeat(9000)} --><?x ${'y'.repeat(9000)}?>`.repeat(100)
    const found = await records(`<list>${comments}<item>1${comments}</item>${comments}</list>`)
    assert.deepEqual(
      found.map(({ tooLong }) => tooLong),
      [true],
    )
    assert.deepEqual((await records(`<list>${comments}<item>1</item></list>`)).map(textOf), ['1'])
  })

  test('longer than 1 MB are read over', async () => {
    const long = `<item>\n${`<a>${'x'.repeat(1000)}</a>`.repeat(longestRecord / 500)}</item>`
    const found = await records(`<list><item>1</item>${long}<item>2</item></list>`)
    assert.deepEqual(
      found.map(({ tooLong, content, line }) => [tooLong, content.length, line]),
      [
        [false, 1, 1],
        [true, 0, 1],
        [false, 1, 2],
      ],
    )
  })

  test('of any tree are read as they were written', async () => {
    const word = fc.constantFrom('item', 'note', 'a', 'list')
    const text = fc.string({ unit: fc.constantFrom('x', '<', '&', '>', '"', ']', 'é', '🙂', '\n', ' ') })
    const escaped = (raw: string) => raw.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
    const tree = fc.letrec<{ node: { name: string; parts: unknown[] } }>(tie => ({
      node: fc.record({
        name: word,
        parts: fc.array(fc.oneof({ depthSize: 'small', maxDepth: 8 }, text, tie('node')), { maxLength: 4 }),
      }),
    })).node
    type Node = { name: string; parts: (Node | string)[] }
    const written = ({ name, parts }: Node): string =>
      `<${name}>${parts.map(part => (typeof part === 'string' ? escaped(part) : written(part))).join('')}</${name}>`
    const plain = (part: Node | string): string => (typeof part === 'string' ? part : part.parts.map(plain).join(''))
    const outer = (part: Node | string): Node[] =>
      typeof part === 'string' ? [] : part.name === 'item' || part.name === 'note' ? [part] : part.parts.flatMap(outer)
    await fc.assert(
      fc.asyncProperty(tree, fc.array(fc.nat(), { maxLength: 5 }), async (node, cuts) => {
        const root: Node = { name: 'list', parts: [node as Node] }
        const { items, error } = await outcome(read(piecesOf(written(root), cuts)))
        assert.equal(error, undefined)
        assert.deepEqual(items.map(textOf), outer(root).map(plain))
      }),
    )
  })
})

describe('XML that is none', () => {
  test('is an error with its line', async () => {
    assert.match(await failure(''), /^XmlError: line 1: document must contain a root element$/)
    assert.match(await failure('{"error": "busy"}'), /^XmlError: line 1: text data outside of root node$/)
    assert.match(await failure('<list>\n<item>\n'), /^XmlError: line 3: unclosed tag: /)
    assert.match(await failure('<list>\n\n<item></list>'), /^XmlError: line 3: unexpected close tag$/)
    assert.match(await failure('<list>\n<item>&nbsp;</item></list>'), /^XmlError: line 2: undefined entity$/)
    assert.match(await failure('<list><item>&#0;</item></list>'), /^XmlError: line 1: malformed character entity$/)
    assert.match(await failure('<list><p:item/></list>'), /^XmlError: line 1: unbound namespace prefix: "p"$/)
    assert.match(await failure('<list><item a=1/></list>'), /^XmlError: line 1: unquoted attribute value$/)
  })

  test('knows no names but the five of XML', async () => {
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty'])
      assert.match(await failure(`<list><item>&${name};</item></list>`), /undefined entity/)
  })

  test('such as a page of a proxy is an error that says what it was', async () => {
    assert.match(
      await failure('<!DOCTYPE html>\n<html><body>503</body></html>'),
      /^XmlError: line 2: <html> instead of a list$/,
    )
    assert.match(await failure('<item/>'), /^XmlError: line 1: <item> instead of a list$/)
  })
})

describe('XML that was sent to do harm', () => {
  test('defines no entities', async () => {
    const laughs = Array.from({ length: 30 }, (_, at) => `<!ENTITY l${at + 1} "${`&l${at};`.repeat(10)}">`).join('\n')
    const bombs = [
      `<!DOCTYPE list [<!ENTITY l0 "ha">${laughs}]><list><item>&l30;</item></list>`,
      '<!DOCTYPE list [<!ENTITY x SYSTEM "file:///etc/passwd">]><list><item>&x;</item></list>',
      '<!DOCTYPE list [<!ENTITY % x SYSTEM "http://127.0.0.1/x.dtd"> %x;]><list><item>1</item></list>',
    ]
    for (const bomb of bombs)
      assert.match(await failure(bomb), /^XmlError: line \d+: a document that defines entities is not read$/)
    // The other file is not fetched, so its entity is not there.
    assert.match(
      await failure('<!DOCTYPE list SYSTEM "http://127.0.0.1/x.dtd"><list><item>&x;</item></list>'),
      /undefined entity/,
    )
  })

  test('ends early, however long it goes on', async () => {
    const piece = 'x'.repeat(10_000)
    const starts = [
      '<list><item>',
      '<list>',
      '<list><item><![CDATA[',
      '<list><!-- ',
      '<list><?x ',
      '<list><item a="',
      '<list><item ',
      '<list><',
      '<list></',
      '<list><item>&',
      '<!DOCTYPE list [ ',
      '<!DOCTYPE ',
      '<',
    ]
    for (const start of starts) {
      const { characters, message } = await readOf(start, piece)
      assert.ok(characters < longestRecord, `${start} ${characters}`)
      assert.match(message, /^line 1: more than 0\.5 MB without a tag$/, start)
    }
    const entities = await readOf('<list><item>', '&amp;'.repeat(1000))
    assert.ok(entities.characters < longestRecord)
  })

  test('is not nested deeply', async () => {
    for (const start of ['<list>', '<list><item>']) {
      const { characters, message } = await readOf(start, '<a>')
      assert.ok(characters < 200)
      assert.match(message, /^line 1: more than 32 elements within each other$/)
    }
    assert.equal((await records(`<list>${'<a>'.repeat(31)}${'</a>'.repeat(31)}<item/></list>`)).length, 1)
  })
})
