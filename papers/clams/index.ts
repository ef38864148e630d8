import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'clams',
  about: {
    arxiv: '2308.00284',
    title: 'CLAMS: A Cluster Ambiguity Measure for Estimating Perceptual Variability in Visual Clustering',
    authorCount: 6,
    publishedAt: '2023-08-01',
    venue: 'IEEE TVCG (VIS 2023)',
    doi: '10.1109/TVCG.2023.3327201',
    summary:
      'Two people who look at the same scatterplot often see different clusters, and without a study there is no telling which plots can be trusted. CLAMS puts a number from 0 to 1 on that disagreement. It describes the plot by a mixture of Gaussians, asks a regression trained on human judgements how likely a viewer is to split or join each pair, and sums up the uncertainty. The score follows the disagreement of human annotators about as well as another annotator would. Use it to choose among projections of your data, and to see which pair of groups causes doubt.',
    topics: ['visual clustering', 'clustering', 'human perception', 'cluster validity'],
  },
})
