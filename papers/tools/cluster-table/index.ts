import { defineTool } from '../../define.ts'
import { cluster } from './cluster.ts'
import { compare } from './compare.ts'

export default defineTool({
  slug: 'cluster-table',
  about: {
    title: 'Cluster a table',
    summary:
      'Groups the rows of a table of your own: customers, cells, products, sensors. It says first whether there are groups at all, then how many, what makes each of them different, and shows a real row that is typical of it. Your table comes back with a column of clusters.',
  },
  methods: { cluster, compare },
})
