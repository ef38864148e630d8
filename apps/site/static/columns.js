// Where columns of a table are to be named, those of the table that was chosen or pasted are offered.

/** Enough for a header. */
const readBytes = 65_536

for (const field of document.querySelectorAll('[data-columns-of]')) offerColumns(field)

function offerColumns(field) {
  const inputs = [...field.form.elements].filter(element => element.name === field.dataset.columnsOf)
  const file = inputs.find(element => element.type === 'file')
  const pasted = inputs.find(element => element.tagName === 'TEXTAREA')
  const list = document.createElement('div')
  list.className = 'choices'
  list.setAttribute('role', 'group')
  list.setAttribute('aria-label', 'Columns of the table')
  field.parentElement.after(list)
  const named = () => new Set(namesIn(field.value))
  const offered = () => [...list.children].map(button => button.textContent)

  const mark = () => {
    const names = named()
    for (const button of list.children) button.setAttribute('aria-pressed', String(names.has(button.textContent)))
  }
  const show = async () => {
    const given = file?.files[0] ? await file.files[0].slice(0, readBytes).text() : pasted?.value.slice(0, readBytes)
    const columns = columnsOf(given ?? '')
    if (JSON.stringify(columns) === JSON.stringify(offered())) return
    list.replaceChildren(
      ...columns.map(name => {
        const button = document.createElement('button')
        button.type = 'button'
        button.textContent = name
        return button
      }),
    )
    mark()
  }
  list.addEventListener('click', ({ target }) => {
    if (target.tagName !== 'BUTTON') return
    const names = named()
    if (!names.delete(target.textContent)) names.add(target.textContent)
    // In the order of the table; what is no column of it stays, to be refused with a sentence.
    const known = offered().filter(name => names.delete(name))
    field.value = [...known, ...names].map(asListed).join(', ')
    mark()
  })
  field.addEventListener('input', mark)
  // What stands there when the page comes is offered when the reader comes to it: nothing moves by itself.
  field.addEventListener('focus', show)
  for (const input of [file, pasted]) input?.addEventListener('change', show)
}

/** Names as a list has them: separated by commas, one with a comma in double quotes. */
const asListed = name => (name.includes(',') ? `"${name.replaceAll('"', '""')}"` : name)

function namesIn(list) {
  return [...list.matchAll(/\s*("(?:[^"]|"")*"(?=\s*(?:,|$))|[^,]*)\s*(?:,|$)/g)]
    .map(([, name]) =>
      name
        .trim()
        .replace(/^"(.*,.*)"$/s, (_, inner) => inner.replaceAll('""', '"'))
        .trim(),
    )
    .filter(Boolean)
}

/** The names in a table's first row, or the keys of its first object, each in one line. */
function columnsOf(text) {
  const given = text.trimStart()
  const names = given.startsWith('{') ? keysOf(given.split(/\r?\n/, 1)[0]) : cellsOf(given)
  return names
    .map(name => name.replace(/\s+/g, ' '))
    .filter(Boolean)
    .slice(0, 200)
}

function keysOf(line) {
  try {
    return Object.keys(JSON.parse(line))
  } catch {
    return []
  }
}

function cellsOf(text) {
  // A quoted name may go over several lines.
  const [row] = /^(?:"(?:[^"]|"")*"|[^"\r\n])*/.exec(text)
  if (!row) return []
  const unquoted = row.replace(/"(?:[^"]|"")*"/g, '')
  const many = mark => unquoted.split(mark).length
  const mark = [',', '\t', ';', '|'].reduce((best, other) => (many(other) > many(best) ? other : best))
  const cells = ['']
  let quoted = false
  for (const letter of row) {
    if (letter === '"') quoted = !quoted
    if (letter === mark && !quoted) cells.push('')
    else cells[cells.length - 1] += letter
  }
  const names = cells.map(cell =>
    cell
      .trim()
      .replace(/^"(.*)"$/s, '$1')
      .replaceAll('""', '"')
      .trim(),
  )
  const header = isHeader(names)
  return names.map((name, at) => (header && name) || `column${at + 1}`)
}

/** As tables are read: numbers are no names, but years among words are. */
function isHeader(names) {
  const numbers = names.filter(name => name !== '' && Number.isFinite(Number(name))).map(Number)
  if (!numbers.length || numbers.length === names.length) return !numbers.length
  if (numbers.length === 1) return Number.isInteger(numbers[0]) && numbers[0] >= 1900 && numbers[0] <= 2100
  return numbers.every((number, at) => Number.isInteger(number) && number >= 0 && number === numbers[0] + at)
}
