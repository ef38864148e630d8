import { definePaper } from '../define.ts'

export default definePaper({
  slug: 'repconc',
  about: {
    arxiv: '2110.05789',
    title: 'Learning Discrete Representations via Constrained Clustering for Effective and Efficient Dense Retrieval',
    authorCount: 6,
    publishedAt: '2021-10-12',
    venue: 'WSDM 2022',
    code: 'https://github.com/jingtaozhan/RepCONC',
    summary:
      'Dense vectors of nine million passages take 26 GB, and exact search reads all of them. Product quantization shrinks them many times but minimises reconstruction error, which is not what ranking needs. RepCONC trains the encoder and the codebooks together on pairs of query and passage, under the constraint that every codeword serves the same share of documents, so that none is wasted. At 48 to 64 times less memory it stays close to the uncompressed vectors and ahead of other codes of equal size. It suits anyone who wants good retrieval on a CPU from a small index.',
    topics: ['dense retrieval', 'product quantization', 'vector search', 'clustering', 'compression'],
  },
})
