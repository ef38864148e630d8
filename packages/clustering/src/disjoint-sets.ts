/** Sets of whole numbers that are joined. */
export class DisjointSets {
  #parents: Uint32Array
  #sizes: Uint32Array

  constructor(count: number) {
    this.#parents = Uint32Array.from({ length: count }, (_, one) => one)
    this.#sizes = new Uint32Array(count).fill(1)
  }

  /** A number that stands for the set of `one`. */
  find(one: number): number {
    const parents = this.#parents
    while (parents[one] !== one) {
      parents[one] = parents[parents[one]]
      one = parents[one]
    }
    return one
  }

  /** @returns what stands for the joined set */
  join(a: number, b: number): number {
    let root = this.find(a)
    let other = this.find(b)
    if (root === other) return root
    if (this.#sizes[root] < this.#sizes[other]) [root, other] = [other, root]
    this.#parents[other] = root
    this.#sizes[root] += this.#sizes[other]
    return root
  }
}
