import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'ppp',
  about: {
    arxiv: '2003.04372',
    title: 'Probabilistic Partitive Partitioning (PPP)',
    authorCount: 1,
    publishedAt: '2020-03-09',
    summary:
      'k-means gives another answer for every start, wants to be told the number of clusters, and finds clusters where there are none. Mixture models judge better but are slow and also depend on the start. PPP joins the two: k-means makes the partitions, and a Gaussian mixture decides whether each is a believable component of its own. The input is reduced first with little loss, and the outcome does not depend on the start. Somebody with a large table gets its groups without choosing their number and without a seed, with the part of the data that truly separates. Only the abstract could be read for this description.',
    topics: ['clustering', 'k-means', 'cluster validity'],
  },
})
