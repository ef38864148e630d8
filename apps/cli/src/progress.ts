/** Progress on a terminal: one line on stderr that is written over. Nothing where stderr is no terminal. */
import type { Progress } from '@offprint/server'

const width = 24

export function progressBar(title: string) {
  const shown = process.stderr.isTTY
  let drawn = false
  const draw = (text: string) => {
    if (!shown) return
    process.stderr.write(`\r\u001b[2K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`)
    drawn = true
  }
  const clear = () => {
    if (drawn) process.stderr.write('\r\u001b[2K')
    drawn = false
  }
  return {
    progress({ done, total, what, rate, secondsLeft }: Progress): void {
      const share = total > 0 ? Math.min(1, done / total) : 0
      const bar = '█'.repeat(Math.round(share * width)).padEnd(width, '░')
      const left = secondsLeft === undefined ? '' : ` ${duration(secondsLeft)} left`
      // A rate in parts of one tells nobody anything.
      const speed = rate === undefined || rate < 1 ? '' : ` ${Math.round(rate).toLocaleString('en')}/s`
      draw(`${title} ${bar} ${Math.floor(share * 100)} %${speed}${left}${what ? `  ${what}` : ''}`)
    },
    count: (count: number) => draw(`${title} ${count.toLocaleString('en')}`),
    progressText: draw,
    log(line: string): void {
      clear()
      console.error(line)
    },
    end: clear,
  }
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}
