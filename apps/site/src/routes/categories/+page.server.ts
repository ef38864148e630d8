import type { PageServerLoad } from './$types'

export const load: PageServerLoad = ({ locals: { offprint } }) => {
  const categories = offprint.library
    .facetValues('category')
    .map(({ value, count }) => ({ value, count, name: offprint.categoryName(value) }))
  const archives = Map.groupBy(categories, ({ value }) => value.split('.')[0])
  return {
    archives: [...archives]
      .map(([archive, inside]) => ({
        archive,
        name: offprint.categoryName(archive),
        categories: inside,
        count: inside.reduce((sum, { count }) => sum + count, 0),
      }))
      .sort((a, b) => b.count - a.count),
  }
}
