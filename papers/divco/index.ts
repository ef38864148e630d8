import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'divco',
  about: {
    arxiv: '2409.11378',
    title: 'Diversify and Conquer: Diversity-Centric Data Selection with Iterative Refinement',
    authorCount: 4,
    publishedAt: '2024-09-17',
    code: 'https://github.com/for-ai/iterative-data-selection',
    summary:
      'There are far more examples than a budget allows to fine-tune on. Choosing the best-looking ones one by one collects near duplicates and misses rare kinds; chance repeats the frequent kinds. This method clusters the examples first, gives every cluster a share of the budget, and draws inside each by quality. Then it goes round: after a short training it sees which clusters teach little, lowers their share and draws again. The chosen ten thousand examples train a model about 7 % better than random ones and 3.8 % better than the best selection before. The same idea can pick papers to read or rows to annotate.',
    topics: ['data selection', 'fine-tuning', 'clustering'],
  },
})
