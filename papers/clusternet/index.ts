import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'clusternet',
  about: {
    arxiv: '2304.14185',
    title: 'ClusterNet: A Perception-Based Clustering Model for Scattered Data',
    authorCount: 5,
    publishedAt: '2023-04-27',
    venue: 'Computer Graphics Forum 44 (2025)',
    doi: '10.1111/cgf.15275',
    summary:
      'Common clustering methods optimise a formula, and the groups that they draw in a scatterplot are often not those that people see. Here a network for point sets learns grouping from people instead: 384 crowd workers gave 7,320 labellings of plots, point by point, and the model, which takes nothing but coordinates, is trained to put each point where a typical viewer would. It needs no number of clusters and no radius. In later versions it also says how far viewers would agree about each point. It serves anyone who must pick clusters in a two-dimensional map in a way that readers will accept.',
    topics: ['visual clustering', 'clustering', 'human perception'],
  },
})
