// What scripts make nicer; every page works without it.

/** Shows the progress of a run as it comes, and loads the page anew when the run's state changes. */
function followRun(panel) {
  const text = panel.querySelector('[data-progress-text]')
  const detail = panel.querySelector('[data-progress-detail]')
  const bar = panel.querySelector('progress')
  const source = new EventSource(`/api/runs/${panel.dataset.run}/events`)
  let status
  source.addEventListener('progress', event => {
    const { done, total, what, rate, secondsLeft } = JSON.parse(event.data)
    if (total > 0) bar.value = Math.min(1, done / total)
    if (what) text.textContent = what
    // Whole numbers count things; anything else is a share.
    const counted = Number.isInteger(done) && Number.isInteger(total) && total > 1
    const parts = [counted ? `${amount(done)} of ${amount(total)}` : share(done / total)]
    if (rate) parts.push(`${counted ? amount(rate) : share(rate / total)} a second`)
    if (secondsLeft !== undefined) parts.push(`${duration(secondsLeft)} left`)
    detail.textContent = parts.join(', ')
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

for (const panel of document.querySelectorAll('[data-run]')) followRun(panel)

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
addEventListener('pageshow', () => {
  for (const form of document.querySelectorAll('form[data-sent]')) {
    delete form.dataset.sent
    for (const button of form.querySelectorAll('button')) {
      button.removeAttribute('aria-disabled')
      if (button.dataset.busy) [button.textContent, button.dataset.busy] = [button.dataset.busy, button.textContent]
    }
  }
})
