import { definePaper } from '../define.ts'
import { build } from './build.ts'
import { check } from './check.ts'
import { claims } from './claims.ts'
import { filters } from './filters.ts'
import { look } from './look.ts'
import { search } from './search.ts'
import { sweep } from './sweep.ts'

export default definePaper({
  slug: 'hnsw',
  about: {
    arxiv: '1603.09320',
    title: 'Efficient and robust approximate nearest neighbor search using Hierarchical Navigable Small World graphs',
    authorCount: 2,
    publishedAt: '2016-03-30',
    venue: 'IEEE TPAMI 42 (2020)',
    code: 'https://github.com/nmslib/hnswlib',
    summary:
      'To find the vectors nearest to a query among millions, comparing with all of them is too slow. HNSW links every vector to a few near ones, chosen so that the links point in different directions, and repeats this on sparser and sparser upper layers. A search starts at the top with long steps, descends, and ends in a careful walk on the ground layer; its width, efSearch, trades time for recall. New vectors are linked in at any time. The cost of a query grows about as the logarithm of the collection, and the method has become the usual index of vector databases.',
    topics: ['vector search', 'nearest neighbor search'],
  },
  methods: { search, sweep, filters, look, build, check },
  claims,
})
