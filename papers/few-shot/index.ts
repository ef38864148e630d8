import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'few-shot',
  about: {
    arxiv: '2106.09516',
    title: 'Transductive Few-Shot Learning: Clustering is All You Need?',
    authorCount: 5,
    publishedAt: '2021-06-16',
    code: 'https://github.com/imtiazziko/SLK-few-shot',
    summary:
      'You have vectors of many things and will label only a handful of each class by hand. Because all unlabelled ones are there at once, their own structure can help. The method treats the task as clustering under constraints: every class has a prototype, the few labels are fixed, and a graph term asks that neighbours agree. It needs no training of a network, converges by simple bound updates, and scales to many classes. Even k-means with the labels held fixed turns out to be as good as much heavier approaches. Label a few items of each kind and get labels with probabilities for the rest.',
    topics: ['few-shot learning', 'clustering', 'k-means'],
  },
})
