import { readFileSync } from 'node:fs'

/** The example's vectors: 78 cities in Europe, in kilometres east and north of a point between them. */
export const places = {
  name: 'cities.csv',
  text: readFileSync(new URL('../fasterpam/cities.csv', import.meta.url), 'utf8'),
}

/** Where to look from. */
export const viewpoints = {
  name: 'viewpoints.csv',
  text: 'viewpoint,east_km,north_km\nbetween Amsterdam and Belgrade,238,-124\nthe north,400,900\nthe south-west,-1200,-1200\n',
}
