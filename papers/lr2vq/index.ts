import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'lr2vq',
  about: {
    arxiv: '2211.11397',
    title: 'Learning Low-Rank Representations for Model Compression',
    authorCount: 3,
    publishedAt: '2022-11-21',
    venue: 'IJCNN 2023',
    summary:
      'Weights can be stored as references into a small book of typical sub-vectors, which shrinks a network twenty to forty times; with only 256 entries, though, long sub-vectors are matched badly. Here training first pushes the sub-vectors into a space of few dimensions, and the clustering happens there. The length of a sub-vector then sets the size of the file, and the number of dimensions can be chosen freely for accuracy. On ImageNet this gains 2.8 points for a ResNet-18 compressed 43 times and one point for a ResNet-50 at 31 times. It suits models for browsers and small devices.',
    topics: ['compression', 'quantization', 'clustering'],
  },
})
