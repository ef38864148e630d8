/** What tells whether a graph is sound: blocks that `build` and `check` share. */
import type { Hnsw, HnswId } from '@offprint/search'
import type { Block } from '../define.ts'

/** Levels, degrees, and nodes that nothing reaches. */
export function healthOf<Id extends HnswId>(index: Hnsw<Id>): Block[] {
  const { size, nodesByLevel } = index.stats()
  // Of equal rows one is a node.
  const nodes = [...index.ids()].filter(id => index.levelOf(id) >= 0)
  const degrees = new Map(nodes.map(id => [id, 0]))
  for (const id of nodes)
    for (const to of index.linksOf(id) as Iterable<Id>) degrees.set(to, (degrees.get(to) ?? 0) + 1)
  const unreached = index.unreached()
  return [
    {
      type: 'metric',
      name: 'unreached',
      title: 'Nodes that no walk can reach',
      value: unreached,
      note: unreached ? 'They are never found: build the index anew.' : 'every node can be found',
    },
    {
      type: 'bars',
      name: 'levels',
      title: 'Nodes by their highest layer',
      note: `Each layer should hold about 1/M of the one below. Equal rows share a node: ${size.toLocaleString('en')} rows are ${nodes.length.toLocaleString('en')} nodes.`,
      y: { label: 'nodes' },
      bars: nodesByLevel.map((count, level) => ({ label: `layer ${level}`, value: count })),
    },
    {
      type: 'series',
      name: 'inDegrees',
      title: 'How many nodes link to a node',
      note: 'On the ground layer. Nodes with very few are hard to find, nodes with very many are hubs.',
      x: { label: 'links to a node' },
      y: { label: 'nodes' },
      series: [{ name: 'nodes', points: histogram(degrees.values()) }],
    },
  ]
}

function histogram(degrees: Iterable<number>): [number, number][] {
  const counts = new Map<number, number>()
  for (const degree of degrees) counts.set(degree, (counts.get(degree) ?? 0) + 1)
  return [...counts].sort((a, b) => a[0] - b[0])
}
