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

// A page that was kept may be older than the choice of the theme.
if (document.querySelector('[data-kept-page]')) showTheme(/(?:^|; )theme=(light|dark)/.exec(document.cookie)?.[1] ?? '')

// Keeps what was read, for when the site does not answer. It lies beside this script, wherever the site lies.
if (isSecureContext) navigator.serviceWorker?.register(new URL('service-worker.js', import.meta.url)).catch(() => {})
