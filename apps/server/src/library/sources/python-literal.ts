/** Lists as Python prints them (`[['Ross', 'B.', '']]`): what spreadsheets of arXiv's snapshot have in place of JSON. */

const deepest = 20
const constants: Record<string, unknown> = {
  None: null,
  True: true,
  False: false,
  null: null,
  true: true,
  false: false,
}
const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', v: '\v', '\n': '' }

/** The value of a literal of lists, tuples, dicts, texts, numbers and None; undefined where the text is none. */
export function parsePythonLiteral(text: string): unknown {
  let at = 0
  const fail = () => {
    throw new SyntaxError('not a Python literal')
  }
  const skip = () => {
    while (/\s/.test(text[at] ?? '')) at++
  }
  /** @param pattern a sticky one */
  const take = (pattern: RegExp) => {
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (match) at += match[0].length
    return match
  }

  function value(depth: number): unknown {
    if (depth > deepest) fail()
    skip()
    const character = text[at] ?? ''
    if (character === '[' || character === '(') {
      at++
      return list(character === '[' ? ']' : ')', depth)
    }
    if (character === '{') {
      at++
      return dict(depth)
    }
    const quote = take(/[uUbB]?(['"])/y)
    if (quote) return string(quote[1])
    const word = take(/[A-Za-z]+/y)?.[0]
    if (word) return word in constants ? constants[word] : fail()
    const number = take(/[+-]?\d+(?:\.\d*)?(?:e[+-]?\d+)?/iy)?.[0]
    return number ? Number(number) : fail()
  }

  function list(close: string, depth: number): unknown[] {
    const items: unknown[] = []
    for (;;) {
      skip()
      if (text[at] === close) break
      items.push(value(depth + 1))
      skip()
      if (text[at] === ',') at++
      else if (text[at] !== close) fail()
    }
    at++
    return items
  }

  function dict(depth: number): unknown {
    const entries: [string, unknown][] = []
    for (;;) {
      skip()
      if (text[at] === '}') break
      const key = value(depth + 1)
      skip()
      if (text[at++] !== ':') fail()
      entries.push([String(key), value(depth + 1)])
      skip()
      if (text[at] === ',') at++
      else if (text[at] !== '}') fail()
    }
    at++
    return Object.fromEntries(entries)
  }

  function string(quote: string): string {
    let result = ''
    for (;;) {
      const plain = take(quote === "'" ? /[^'\\]+/y : /[^"\\]+/y)
      if (plain) result += plain[0]
      const character = text[at++]
      if (character === quote) return result
      if (character !== '\\') return fail() as never
      const code = take(/x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|([0-7]{1,3})/y)
      if (code) {
        const number = code[1] ? Number.parseInt(code[1], 8) : Number.parseInt(code[0].slice(1), 16)
        result += number <= 0x10ffff ? String.fromCodePoint(number) : '\ufffd'
      } else {
        const next = text[at++]
        if (next === undefined) fail()
        result += escapes[next] ?? (/['"\\]/.test(next) ? next : `\\${next}`)
      }
    }
  }

  try {
    const whole = value(0)
    skip()
    return at === text.length ? whole : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
