// What scripts make nicer on every page; each of them works without.

// A form that was sent is not sent a second time by a second click.
document.addEventListener('submit', event => {
  const form = event.target
  if (form.method !== 'post') return
  if (form.dataset.sent) event.preventDefault()
  form.dataset.sent = 'yes'
  for (const button of form.querySelectorAll('button')) {
    button.setAttribute('aria-disabled', 'true')
    if (button.dataset.busy) [button.textContent, button.dataset.busy] = [button.dataset.busy, button.textContent]
  }
})
addEventListener('pageshow', event => {
  // A page that the browser kept may be older than the choice of the theme.
  if (event.persisted) showTheme(/(?:^|; )theme=(light|dark)/.exec(document.cookie)?.[1] ?? '')
  for (const form of document.querySelectorAll('form[data-sent]')) {
    delete form.dataset.sent
    for (const button of form.querySelectorAll('button')) {
      button.removeAttribute('aria-disabled')
      if (button.dataset.busy) [button.textContent, button.dataset.busy] = [button.dataset.busy, button.textContent]
    }
  }
})

// Keys: `/` searches, `j` and `k` go through the items of a page, `?` lists the keys.
document.addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
  const typing = event.target.closest('input, textarea, select, [contenteditable]')
  if (typing) {
    if (event.key === 'Escape') typing.blur()
    return
  }
  const answer = { '/': focusSearch, j: () => step(1), k: () => step(-1), '?': showKeys }[event.key]
  if (!answer) return
  event.preventDefault()
  answer()
})

function focusSearch() {
  const box = document.getElementById('search-box')
  box.focus()
  box.select()
}

function showKeys() {
  const dialog = document.getElementById('key-list')
  if (!dialog.open) dialog.showModal()
}

/** Focuses the link of the next or previous item, from where the reader is. */
function step(direction) {
  const items = [...document.querySelectorAll('[data-item]')]
  if (!items.length) return
  const current = items.findIndex(item => item.contains(document.activeElement))
  const first = direction > 0 ? items.findIndex(item => item.getBoundingClientRect().bottom > 0) : items.length - 1
  const next = items[current < 0 ? Math.max(0, first) : Math.min(items.length - 1, Math.max(0, current + direction))]
  const link = next.querySelector('a[href], button')
  link?.focus({ preventScroll: true })
  next.scrollIntoView({ block: 'nearest' })
}

function showTheme(theme) {
  document.documentElement.dataset.theme = theme
  for (const button of document.querySelectorAll('.themes button'))
    button.setAttribute('aria-pressed', String(button.value === theme))
}

// The theme changes where the reader is; the cookie keeps it for the next page.
document.querySelector('.themes')?.addEventListener('submit', event => {
  event.preventDefault()
  event.stopPropagation()
  const form = event.target
  const { value } = event.submitter
  showTheme(value)
  fetch(form.action, { method: 'POST', body: new URLSearchParams({ theme: value }), redirect: 'manual' })
})

// A vote changes where it is; without scripts the page comes again.
document.addEventListener('click', async event => {
  const button = event.target.closest('button.vote')
  if (!button) return
  event.preventDefault()
  if (button.dataset.sent) return
  button.dataset.sent = 'yes'
  const voted = button.value === '1'
  const show = is => {
    button.setAttribute('aria-pressed', String(is))
    button.value = is ? '0' : '1'
  }
  show(voted)
  try {
    const body = new URLSearchParams({ vote: voted ? '1' : '0' })
    const answer = await fetch(button.formAction, { method: 'POST', headers: { accept: 'application/json' }, body })
    if (!answer.ok) throw new Error(String(answer.status))
  } catch {
    show(!voted)
  }
  delete button.dataset.sent
})

// The site may lie under a path of another one: beside this script.
const here = path => new URL(path, import.meta.url).href

// What a search would find, while it is typed.
const searchBox = document.querySelector('[data-instant]')
if (searchBox) instantResults(searchBox)

function instantResults(box) {
  const list = document.createElement('ul')
  list.className = 'instant'
  list.id = 'instant-results'
  list.setAttribute('role', 'listbox')
  list.setAttribute('aria-label', 'Papers found so far')
  list.hidden = true
  // Behind the hint for the key, which is shown next to the box.
  box.parentElement.append(list)
  for (const [name, value] of Object.entries({
    role: 'combobox',
    'aria-controls': list.id,
    'aria-autocomplete': 'list',
    'aria-expanded': 'false',
  }))
    box.setAttribute(name, value)
  let asked
  let waiting
  let chosen = -1

  const options = () => [...list.querySelectorAll('[role=option]')]
  const close = () => {
    list.hidden = true
    chosen = -1
    box.setAttribute('aria-expanded', 'false')
    box.removeAttribute('aria-activedescendant')
  }
  const choose = index => {
    const all = options()
    chosen = index < -1 ? all.length - 1 : index >= all.length ? -1 : index
    for (const [at, option] of all.entries()) option.setAttribute('aria-selected', String(at === chosen))
    if (chosen < 0) box.removeAttribute('aria-activedescendant')
    else {
      box.setAttribute('aria-activedescendant', all[chosen].id)
      all[chosen].scrollIntoView({ block: 'nearest' })
    }
  }
  const ask = async () => {
    const query = box.value.trim()
    asked?.abort()
    if (query.length < 2) return close()
    asked = new AbortController()
    try {
      const address = here(`api/search?typing=1&limit=7&q=${encodeURIComponent(box.value)}`)
      const answer = await fetch(address, { signal: asked.signal })
      if (!answer.ok) return close()
      const { papers, total, suggestion } = await answer.json()
      if (box.value.trim() !== query || document.activeElement !== box) return
      list.replaceChildren(
        ...papers.map((paper, at) =>
          optionOf(at, here(`papers/${paper.key.split('/').map(encodeURIComponent).join('/')}`), paper.titleParts),
        ),
      )
      const more = suggestion
        ? [`Did you mean ${suggestion}?`, suggestion]
        : total > papers.length && [`All ${total.toLocaleString('en')} papers`, query]
      if (more)
        list.append(optionOf(papers.length, here(`search?q=${encodeURIComponent(more[1])}`), [{ text: more[0] }]))
      if (!list.children.length) return close()
      list.hidden = false
      box.setAttribute('aria-expanded', 'true')
      choose(-1)
    } catch (error) {
      if (error.name !== 'AbortError') close()
    }
  }
  box.addEventListener('input', () => {
    clearTimeout(waiting)
    waiting = setTimeout(ask, 120)
  })
  box.addEventListener('keydown', event => {
    if (event.isComposing || list.hidden) return
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault()
      choose(chosen + (event.key === 'ArrowDown' ? 1 : -1))
    } else if (event.key === 'Enter' && chosen >= 0) {
      event.preventDefault()
      options()[chosen].click()
    } else if (event.key === 'Escape') {
      // The words stay: a second press empties the box.
      event.preventDefault()
      event.stopPropagation()
      close()
    }
  })
  box.addEventListener('blur', () => setTimeout(close, 150))
}

/** A link among the instant results; what matches is marked. */
function optionOf(at, href, parts) {
  const option = document.createElement('li')
  option.id = `instant-${at}`
  option.setAttribute('role', 'option')
  option.setAttribute('aria-selected', 'false')
  option.addEventListener('mousedown', event => event.preventDefault())
  option.addEventListener('click', () => {
    location.href = href
  })
  for (const { text, match } of parts) {
    const part = document.createElement(match ? 'mark' : 'span')
    part.textContent = text
    option.append(part)
  }
  return option
}
// A digest comes by the clocks of the reader, where nothing else was typed.
for (const input of document.querySelectorAll('input[data-zone]'))
  if (input.value === input.defaultValue) input.value = Intl.DateTimeFormat().resolvedOptions().timeZone || input.value

// A page that was kept may be older than the choice of the theme.
if (document.querySelector('[data-kept-page]')) showTheme(/(?:^|; )theme=(light|dark)/.exec(document.cookie)?.[1] ?? '')

// Keeps what was read, for when the site does not answer. It lies beside this script, wherever the site lies.
if (isSecureContext) navigator.serviceWorker?.register(here('service-worker.js')).catch(() => {})
