// Pages with results: live progress, charts under the pointer, tables that change in their place, snippets to copy.

// ---- Progress ----

/** Shows the progress and the log of a run as they come, and loads the page anew when the run has ended. */
function followRun(panel) {
  const text = panel.querySelector('[data-progress-text]')
  const detail = panel.querySelector('[data-progress-detail]')
  const bar = panel.querySelector('progress')
  const log = document.querySelector('[data-log]')
  const source = new EventSource(new URL(`api/runs/${panel.dataset.run}/events`, import.meta.url))
  const offline = is => document.body.classList.toggle('is-offline', is)
  let status
  source.addEventListener('open', () => offline(false))
  // The browser asks again by itself.
  source.addEventListener('error', () => offline(true))
  addEventListener('pagehide', () => source.close())
  source.addEventListener('progress', event => {
    const { done, total, what, rate, secondsLeft } = JSON.parse(event.data)
    if (total > 0) bar.value = Math.min(1, done / total)
    if (what && text.textContent !== what) text.textContent = what
    // Whole numbers count things; anything else is a share.
    const counted = Number.isInteger(done) && Number.isInteger(total) && total > 1
    const parts = [counted ? `${amount(done)} of ${amount(total)}` : share(done / total)]
    if (rate) parts.push(`${counted ? amount(rate) : share(rate / total)} a second`)
    if (secondsLeft !== undefined) parts.push(`${duration(secondsLeft)} left`)
    detail.textContent = parts.join(', ')
  })
  source.addEventListener('log', event => {
    // First all lines so far, also after a break; then each as it comes.
    const { lines, line } = JSON.parse(event.data)
    if (lines) log.textContent = lines.join('\n')
    else log.append(`${log.textContent && '\n'}${line}`)
    document.querySelector('[data-log-section]').hidden = !log.textContent
    log.scrollTop = log.scrollHeight
  })
  source.addEventListener('status', event => {
    const run = JSON.parse(event.data)
    if (run.status !== 'queued' && run.status !== 'running') {
      source.close()
      location.reload()
    } else if (status === 'queued' && run.status === 'running') text.textContent = 'Working.'
    status = run.status
  })
}

function amount(value) {
  return Number(value.toPrecision(3)).toLocaleString('en')
}

function share(value) {
  return `${(100 * value).toFixed(value < 0.1 ? 1 : 0)} %`
}

function duration(seconds) {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}

// ---- Blocks that change in their place ----

/** Of each block, how often something else was asked for. */
const asked = new WeakMap()

/**
 * Puts a block as it is at another address of this page into the place of the one that is here. Of that address only
 * what is about this block counts: the others stay as they are, whatever they were when its links were written.
 */
async function swap(block, address) {
  const mine = (asked.get(block) ?? 0) + 1
  asked.set(block, mine)
  const isNewest = () => asked.get(block) === mine
  const url = addressWith(block, address)
  const part = new URL(url)
  part.searchParams.set('only', block.id)
  const late = setTimeout(() => block.setAttribute('aria-busy', 'true'), 150)
  let text
  try {
    const response = await fetch(part)
    if (!response.ok) throw new Error(`answered ${response.status}`)
    text = await response.text()
  } catch {
    // The browser says what is wrong better than we could; unless something newer was asked for meanwhile.
    if (isNewest()) location.assign(url)
    return
  } finally {
    clearTimeout(late)
    if (isNewest()) block.removeAttribute('aria-busy')
  }
  if (!isNewest()) return
  const fresh = new DOMParser().parseFromString(text, 'text/html').getElementById(block.id)
  if (!fresh) return location.assign(url)
  const focused = block.contains(document.activeElement) ? describeFocus(block) : undefined
  block.replaceChildren(...fresh.childNodes)
  prepare(block)
  if (focused) restoreFocus(block, focused)
  // Another block may have changed while this one was on its way.
  history.replaceState(null, '', addressWith(block, url))
}

/** This page's address, with what another one says about a block. */
function addressWith(block, address) {
  const url = new URL(location.href)
  const given = new URL(address, location.href)
  const isOwn = name => name.startsWith(`${block.id}.`)
  for (const name of [...url.searchParams.keys()].filter(isOwn)) url.searchParams.delete(name)
  for (const [name, value] of given.searchParams) if (isOwn(name) && value) url.searchParams.set(name, value)
  url.hash = given.hash
  return url
}

const focusable = 'a, button, input, summary, [tabindex]'

function describeFocus(block) {
  const element = document.activeElement
  const { selectionStart } = element
  return {
    at: [...block.querySelectorAll(focusable)].indexOf(element),
    text: element.textContent.replace(/ [↑↓]$/, ''),
    value: element.value,
    selectionStart,
  }
}

function restoreFocus(block, { at, text, value, selectionStart }) {
  const all = [...block.querySelectorAll(focusable)]
  const same = text && all.find(one => one.textContent.replace(/ [↑↓]$/, '') === text)
  // The last page has no next one: never on to a download.
  const near = all[Math.min(at, all.length - 1)]
  const element =
    same ||
    (near?.matches('[download]')
      ? (block.querySelector('a[rel=prev], a[rel=next]') ?? block.querySelector('[tabindex="0"]'))
      : near)
  element?.focus({ preventScroll: true })
  if (element?.matches('input') && value !== undefined) {
    // What was typed while the answer was on its way stays.
    element.value = value
    element.setSelectionRange(selectionStart, selectionStart)
  }
}

document.addEventListener('click', event => {
  const link = event.target.closest('a[data-swap]')
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return
  event.preventDefault()
  swap(link.closest('[data-block]'), link.href)
})

function swapForm(form) {
  const url = new URL(location.href)
  url.hash = form.getAttribute('action')
  for (const [name, value] of new FormData(form)) url.searchParams.set(name, value)
  // What is filtered anew begins anew.
  url.searchParams.delete(`${form.closest('[data-block]').id}.from`)
  swap(form.closest('[data-block]'), url)
}

let typing
document.addEventListener('submit', event => {
  if (!event.target.matches('[data-swap]')) return
  event.preventDefault()
  clearTimeout(typing)
  swapForm(event.target)
})

const filterLive = event => {
  const block = event.target.closest('form[data-live]')?.closest('[data-block]')
  // Half a word of a script that is composed is no word yet.
  if (!block || event.isComposing) return
  clearTimeout(typing)
  // By then an earlier answer may have put another form there.
  typing = setTimeout(() => swapForm(block.querySelector('form[data-live]')), 200)
}
document.addEventListener('input', filterLive)
document.addEventListener('compositionend', filterLive)

// ---- Charts ----

/** How far from a point the pointer still means it, in pixels. */
const reach = 24

function prepareChart(figure) {
  for (const svg of figure.querySelectorAll(':scope > svg')) {
    // The browser's own tooltips would come on top of ours.
    const marks = [...svg.querySelectorAll('title')].map(title => {
      const mark = { node: title.parentNode, text: title.textContent }
      title.remove()
      return mark
    })
    if (marks.length) pointAt(figure, svg, marks)
    if (figure.dataset.zoom && svg.dataset.x && svg.dataset.y) brush(figure, svg)
  }
  for (const item of figure.querySelectorAll('.legend [data-group]')) makeToggle(figure, item)
  if (figure.dataset.path) walkThrough(figure)
}

/** Says what lies under the pointer, or is reached by the arrow keys. */
function pointAt(figure, svg, marks) {
  const tooltip = document.createElement('div')
  tooltip.className = 'tooltip'
  tooltip.setAttribute('role', 'status')
  tooltip.hidden = true
  figure.append(tooltip)
  let places
  let pointed
  // Where the marks lie is measured when it is first asked for, and again when the chart's size has changed.
  new ResizeObserver(() => {
    places = undefined
    show()
  }).observe(svg)
  const measure = () => {
    if (places) return places
    const { left, top } = svg.getBoundingClientRect()
    places = marks
      .map(mark => ({ ...mark, box: mark.node.getBoundingClientRect() }))
      .map(({ node, text, box }) => ({
        node,
        text,
        x0: box.left - left,
        x1: box.right - left,
        y0: box.top - top,
        y1: box.bottom - top,
      }))
      .sort((a, b) => a.x0 - b.x0 || a.y0 - b.y0)
    return places
  }
  const isShown = ({ node }) => !node.closest('.faded')

  function show(place) {
    pointed?.node.classList.remove('pointed')
    pointed = place
    tooltip.hidden = !place
    if (!place) return
    place.node.classList.add('pointed')
    tooltip.textContent = place.text
    const { left, top } = svg.getBoundingClientRect()
    const outer = figure.getBoundingClientRect()
    const x = (place.x0 + place.x1) / 2 + left - outer.left
    const y = place.y0 + top - outer.top
    const wide = tooltip.offsetWidth
    tooltip.style.left = `${Math.max(0, Math.min(outer.width - wide, x - wide / 2))}px`
    const above = y - tooltip.offsetHeight - 8
    tooltip.style.top = `${above < 0 ? place.y1 + top - outer.top + 8 : above}px`
  }

  function nearest(event) {
    const { left, top } = svg.getBoundingClientRect()
    const [x, y] = [event.clientX - left, event.clientY - top]
    let best
    let least = reach
    for (const place of measure()) {
      const away = Math.hypot(Math.max(place.x0 - x, 0, x - place.x1), Math.max(place.y0 - y, 0, y - place.y1))
      if (away < least && isShown(place)) [best, least] = [place, away]
    }
    return best
  }
  svg.addEventListener('pointermove', event => {
    if (event.buttons && event.pointerType === 'mouse') return
    const place = nearest(event)
    if (place !== pointed) show(place)
  })
  svg.addEventListener('pointerdown', event => show(nearest(event)))
  svg.addEventListener('pointerleave', event => {
    // A finger that is lifted leaves the chart, but the reader wants to read.
    if (event.pointerType !== 'touch') show()
  })
  svg.setAttribute('tabindex', '0')
  svg.addEventListener('keydown', event => {
    const direction = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key]
    if (event.key === 'Escape') return show()
    if (!direction) return
    event.preventDefault()
    const all = measure().filter(isShown)
    if (!all.length) return
    const at = all.indexOf(pointed)
    show(all[at < 0 ? 0 : (at + direction + all.length) % all.length])
  })
  svg.addEventListener('blur', () => show())
}

/** A rectangle drawn over a part of the chart asks for that part, drawn anew with all of its points. */
function brush(figure, svg) {
  const scales = { x: readScale(svg.dataset.x), y: readScale(svg.dataset.y) }
  let from
  let frame
  const place = event => {
    const { left, top, width, height } = svg.getBoundingClientRect()
    const { width: w, height: h } = svg.viewBox.baseVal
    return {
      x: clamp(((event.clientX - left) / width) * w, scales.x),
      y: clamp(((event.clientY - top) / height) * h, scales.y),
    }
  }
  svg.addEventListener('pointerdown', event => {
    if (event.button || event.pointerType === 'touch') return
    from = place(event)
    svg.setPointerCapture(event.pointerId)
    event.preventDefault()
  })
  svg.addEventListener('pointermove', event => {
    if (!from) return
    const to = place(event)
    if (!frame) {
      frame = document.createElementNS('http://www.w3.org/2000/svg', 'rect')
      frame.setAttribute('class', 'brush')
      svg.append(frame)
    }
    frame.setAttribute('x', Math.min(from.x, to.x))
    frame.setAttribute('y', Math.min(from.y, to.y))
    frame.setAttribute('width', Math.abs(from.x - to.x))
    frame.setAttribute('height', Math.abs(from.y - to.y))
  })
  svg.addEventListener('pointerup', event => {
    if (!from) return
    const [start, end] = [from, place(event)]
    from = undefined
    frame?.remove()
    frame = undefined
    // Less than this was a click.
    if (Math.abs(start.x - end.x) < 8 || Math.abs(start.y - end.y) < 8) return
    const ends = ['x', 'y'].flatMap(name =>
      [start[name], end[name]].map(at => valueAt(scales[name], at)).sort((a, b) => a - b),
    )
    const url = new URL(location.href)
    url.searchParams.set(figure.dataset.zoom, ends.map(value => Number(value.toPrecision(12))).join(','))
    swap(figure.closest('[data-block]'), url)
  })
  svg.addEventListener('pointercancel', () => {
    from = undefined
    frame?.remove()
    frame = undefined
  })
}

function readScale(text) {
  const [d0, d1, r0, r1, type] = text.split(' ')
  return { domain: [+d0, +d1], range: [+r0, +r1], log: type === 'log' }
}

const clamp = (at, { range }) => Math.min(Math.max(...range), Math.max(Math.min(...range), at))

function valueAt({ domain, range, log }, at) {
  const part = (at - range[0]) / (range[1] - range[0])
  const [a, b] = log ? domain.map(Math.log) : domain
  const value = a + part * (b - a)
  return log ? Math.exp(value) : value
}

/** A series is hidden and shown by its entry in the legend. */
function makeToggle(figure, item) {
  const button = document.createElement('button')
  button.type = 'button'
  button.append(...item.childNodes)
  item.append(button)
  const block = figure.closest('[data-block]')
  const hidden = new Set((block.dataset.hidden ?? '').split(' ').filter(Boolean))
  const { group } = item.dataset
  const apply = () => {
    button.setAttribute('aria-pressed', String(!hidden.has(group)))
    for (const mark of figure.querySelectorAll(`svg .g${group}`)) mark.classList.toggle('faded', hidden.has(group))
  }
  button.addEventListener('click', () => {
    const now = new Set((block.dataset.hidden ?? '').split(' ').filter(Boolean))
    if (!now.delete(group)) now.add(group)
    block.dataset.hidden = [...now].join(' ')
    if (!hidden.delete(group)) hidden.add(group)
    apply()
  })
  apply()
}

/** The path in a graph is walked through by a slider, or plays by itself when the reader asks for it. */
function walkThrough(figure) {
  // Each step is a line and a ring, in each of the chart's two sizes.
  const drawn = [...figure.querySelectorAll('svg .step')].map(mark => ({
    mark,
    own: Number(/step-(\d+)/.exec(mark.getAttribute('class'))[1]),
  }))
  const labels = JSON.parse(figure.dataset.path)
  const count = labels.length
  const controls = document.createElement('p')
  controls.className = 'steps'
  const button = document.createElement('button')
  button.type = 'button'
  const slider = document.createElement('input')
  Object.assign(slider, { type: 'range', min: 0, max: count, value: count })
  slider.setAttribute('aria-label', 'Step')
  const output = document.createElement('output')
  controls.append(button, slider, output)
  figure.querySelector('figcaption').before(controls)
  let timer
  const stop = () => {
    clearInterval(timer)
    timer = undefined
    button.textContent = 'Play'
  }
  const show = step => {
    slider.value = step
    for (const { mark, own } of drawn) {
      mark.classList.toggle('later', own > step)
      mark.classList.toggle('earlier', own < step && step < count)
    }
    const text = step ? labels[step - 1] : 'Before the first step'
    output.textContent = `${step} of ${count}: ${text}`
    slider.setAttribute('aria-valuetext', output.textContent)
  }
  slider.addEventListener('input', () => {
    stop()
    show(Number(slider.value))
  })
  button.addEventListener('click', () => {
    if (timer) return stop()
    if (Number(slider.value) === count) show(0)
    button.textContent = 'Pause'
    timer = setInterval(() => {
      show(Number(slider.value) + 1)
      if (Number(slider.value) === count) stop()
    }, 600)
  })
  stop()
  show(count)
}

// ---- Snippets ----

for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', async () => {
    const code = button.closest('details').querySelector('code')
    try {
      await navigator.clipboard.writeText(code.textContent)
      button.textContent = 'Copied'
    } catch {
      // Without https a page may not write to the clipboard: the reader copies what is selected.
      getSelection().selectAllChildren(code)
      button.textContent = 'Selected'
    }
    setTimeout(() => {
      button.textContent = 'Copy'
    }, 1500)
  })
}

function prepare(block) {
  for (const figure of block.querySelectorAll('.chart')) prepareChart(figure)
}

for (const panel of document.querySelectorAll('[data-run]')) followRun(panel)
for (const block of document.querySelectorAll('[data-block]')) prepare(block)
