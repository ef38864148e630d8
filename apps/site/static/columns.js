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
  const named = () => new Set(field.value.split(',').flatMap(name => name.trim() || []))
  const offered = () => [...list.children].map(button => button.textContent)

  const mark = () => {
    const names = named()
    for (const button of list.children) button.setAttribute('aria-pressed', String(names.has(button.textContent)))
  }
  const show = async () => {
    const given = file?.files[0] ? await file.files[0].slice(0, readBytes).text() : pasted?.value.slice(0, readBytes)
    const columns = columnsOf(given ?? '')
    if (columns.join() === offered().join()) return
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
    field.value = [...known, ...names].join(', ')
    mark()
  })
  field.addEventListener('input', mark)
  // What stands there when the page comes is offered when the reader comes to it: nothing moves by itself.
  field.addEventListener('focus', show)
  for (const input of [file, pasted]) input?.addEventListener('change', show)
}

/** The names in a table's first row, or the keys of its first object. Those with a comma cannot be named in a list. */
function columnsOf(text) {
  const line = text.trimStart().split(/\r?\n/, 1)[0]
  const cells = line.startsWith('{') ? keysOf(line) : cellsOf(line)
  return cells.filter(name => name && !name.includes(',')).slice(0, 200)
}

function keysOf(line) {
  try {
    return Object.keys(JSON.parse(line))
  } catch {
    return []
  }
}

function cellsOf(line) {
  if (!line) return []
  const unquoted = line.replace(/"(?:[^"]|"")*"/g, '')
  const many = mark => unquoted.split(mark).length
  const mark = [',', '\t', ';', '|'].reduce((best, other) => (many(other) > many(best) ? other : best))
  const cells = ['']
  let quoted = false
  for (const letter of line) {
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
  // A row of numbers is no header.
  const data = names.every(name => name !== '' && Number.isFinite(Number(name)))
  return names.map((name, at) => (data ? '' : name) || `column${at + 1}`)
}
