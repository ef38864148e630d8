// A paper from outside the project, as a third party would write it: it imports nothing of ours, the contract is handed in.
import { writeFileSync } from 'node:fs'

export default ({ definePaper, defineMethod, input, z, InputError }) =>
  definePaper({
    slug: 'outside',
    about: {
      title: 'A paper from outside, with <b>markup</b> in its title',
      summary: 'Used by the tests: it sums, waits, takes too much, fails and leaves files behind.',
      topics: ['tests'],
    },
    methods: {
      sum: defineMethod({
        title: 'Sum a column',
        description: 'Adds up the numbers of a table, and draws one from the seed.',
        effort: 'quick',
        example: { table: { name: 'numbers.csv', text: 'name,x\none,1\ntwo,2\n' }, factor: 2 },
        input: z.object({
          table: input.table({ label: 'Table' }),
          factor: input.number({ label: 'Factor', min: 0.5, max: 10, default: 1 }),
          rounds: input.number({ label: 'Rounds', integer: true, min: 1, max: 5, default: 1 }),
          sign: input.choice(['plus', 'minus'], { label: 'Sign' }),
          twice: input.toggle({ label: 'Twice' }),
          remark: input.text({ label: 'Remark', maxLength: 200 }),
        }),
        async run({ table, factor, rounds, sign, twice, remark }, context) {
          const column = table.columns.find(one => one.type === 'number')
          if (!column) throw new InputError('table', 'none', 'a column of numbers')
          const sum = column.numbers.reduce((total, value) => total + value, 0)
          const value = sum * factor * rounds * (twice ? 2 : 1) * (sign === 'minus' ? -1 : 1)
          context.log(`summed ${table.rows} rows`)
          return [
            { type: 'metric', name: 'sum', title: 'Sum', value },
            { type: 'metric', name: 'drawn', title: 'Drawn from the seed', value: (context.seed * 48271) % 2147483647 },
            {
              type: 'table',
              name: 'rows',
              title: 'Rows',
              columns: table.columns.map(({ name, type }) => ({ name, type: type === 'number' ? 'number' : 'text' })),
              rows: Array.from({ length: table.rows }, (_, row) =>
                table.columns.map(one => (one.type === 'number' ? one.numbers[row] : one.text[row])),
              ),
            },
            { type: 'markdown', name: 'remark', title: 'Remark', text: remark || 'none' },
          ]
        },
      }),
      wait: defineMethod({
        title: 'Wait',
        description: 'Counts until it is cancelled, or loops without ever listening.',
        effort: { full: 60 },
        input: z.object({ deaf: input.toggle({ label: 'Deaf to cancelling' }) }),
        async run({ deaf }, { signal, progress, log }) {
          progress(1, 100, 'Counting')
          log('counting')
          if (deaf) for (;;);
          await new Promise((_, reject) => {
            // Keeps the process alive until the signal comes.
            const alive = setInterval(() => {}, 1000)
            signal.addEventListener('abort', () => {
              clearInterval(alive)
              reject(signal.reason)
            })
          })
          return []
        },
      }),
      take: defineMethod({
        title: 'Take memory',
        description: 'Takes memory outside the heap, as WebAssembly does, until it is stopped.',
        effort: 'quick',
        input: z.object({}),
        async run() {
          const taken = []
          for (;;) {
            taken.push(new WebAssembly.Memory({ initial: 512 }))
            new Uint8Array(taken.at(-1).buffer).fill(1)
            await new Promise(resolve => setTimeout(resolve, 5))
          }
        },
      }),
      fail: defineMethod({
        title: 'Fail',
        description: 'Fails in one of three ways.',
        effort: 'quick',
        input: z.object({ how: input.choice(['throw', 'exit', 'nonsense'], { label: 'How' }) }),
        async run({ how }) {
          if (how === 'throw') throw new Error('the engine broke <script>alert(1)</script>')
          if (how === 'exit') process.exit(7)
          return [{ type: 'metric', name: 'x', title: 'X', value: 'not a number' }]
        },
      }),
      leave: defineMethod({
        title: 'Leave a model',
        description: 'Leaves a file for later runs.',
        effort: 'quick',
        input: z.object({ text: input.text({ label: 'Text', required: true }) }),
        async run({ text }, context) {
          writeFileSync(context.output('model.txt'), text)
          return [
            {
              type: 'file',
              name: 'model',
              title: 'Model',
              file: 'model.txt',
              mediaType: 'text/html',
              artefact: 'model',
            },
          ]
        },
      }),
      show: defineMethod({
        title: 'Show every kind of block',
        description: 'Gives one block of each kind.',
        effort: 'quick',
        input: z.object({}),
        async run(_, context) {
          writeFileSync(context.output('plan.json'), '{}')
          const axis = label => ({ label, unit: 's' })
          return [
            { type: 'metric', name: 'none', title: 'No figure', value: null, note: 'there is none' },
            { type: 'metric', name: 'rate', title: 'Rate', value: 1234.5678, unit: 'rows/s' },
            {
              type: 'table',
              name: 'table',
              title: 'Table of all types',
              columns: ['number', 'integer', 'text', 'boolean', 'date'].map(type => ({ name: type, type })),
              rows: [
                [1.5, 2, 'text', true, '2026-11-24'],
                [null, null, null, null, null],
              ],
            },
            {
              type: 'series',
              name: 'series',
              title: 'Two series',
              x: { label: 'size', scale: 'log' },
              y: axis('time'),
              series: ['ours', 'theirs'].map((name, index) => ({
                name,
                points: [
                  [1, 1 + index],
                  [10, null],
                  [100, 5 + index],
                ],
              })),
              marks: [{ x: 100, y: 5, label: 'best' }],
            },
            {
              type: 'bars',
              name: 'bars',
              title: 'Bars',
              y: axis('time'),
              bars: [
                { label: 'one', value: 3, group: 'a' },
                { label: 'two', value: null, group: 'b' },
              ],
            },
            {
              type: 'scatter',
              name: 'scatter',
              title: 'Points',
              x: axis('x'),
              y: axis('y'),
              points: { x: [1, 2, 3], y: [3, 1, 2], label: ['<b>', 'b', 'c'] },
            },
            {
              type: 'graph',
              name: 'graph',
              title: 'Graph',
              nodes: [{ id: 'a', label: 'first' }, { id: 'b', group: 'g' }, { id: 'c' }],
              edges: [
                { from: 'a', to: 'b', weight: 2 },
                { from: 'b', to: 'missing' },
              ],
              path: [
                { from: 'a', to: 'b', label: 'out' },
                { from: 'b', to: 'missing', label: 'into nowhere' },
                { from: 'b', to: 'c', label: 'on' },
              ],
            },
            {
              type: 'timeline',
              name: 'timeline',
              title: 'Timeline',
              unit: 'ms',
              lanes: [
                { name: 'gpu0', spans: [{ start: 0, end: 5, label: 'forward' }] },
                { name: 'gpu1', spans: [] },
              ],
            },
            {
              type: 'markdown',
              name: 'text',
              title: 'Text',
              text: '| a | b |\n|---|---|\n| 1 | **2** |\n\n- one\n- two',
            },
            {
              type: 'file',
              name: 'file',
              title: 'File',
              file: 'plan.json',
              mediaType: 'application/json',
              artefact: 'plan',
            },
          ]
        },
      }),
      use: defineMethod({
        title: 'Use a model',
        description: 'Takes the file that an earlier run left.',
        effort: 'quick',
        input: z.object({ model: input.artefact({ label: 'Model', artefact: 'model' }) }),
        async run({ model }) {
          return [{ type: 'metric', name: 'bytes', title: 'Bytes', value: model.bytes, unit: 'bytes' }]
        },
      }),
    },
    claims: [
      {
        id: 'T1',
        statement: 'Two and two are four.',
        where: 'page 1',
        setup: 'a slate',
        kind: 'analytic',
        value: 4,
        measures: 'the sum',
        tolerance: { within: 0.01 },
        effort: 'quick',
        check: async () => ({ value: 2 + 2, on: 'this machine' }),
      },
      {
        id: 'T2',
        statement: 'Two and two are five.',
        where: 'page 2',
        setup: 'a slate',
        kind: 'analytic',
        value: 5,
        measures: 'the sum',
        tolerance: { within: 0.01 },
        effort: 'quick',
        check: async () => ({ value: 2 + 2, on: 'this machine' }),
      },
      {
        id: 'T3',
        statement: 'Nobody knows.',
        where: 'page 3',
        setup: 'none',
        kind: 'measured',
        measures: 'nothing',
        tolerance: { equals: 0 },
        effort: 'quick',
        pending: 'there is no way to measure it',
      },
    ],
  })
