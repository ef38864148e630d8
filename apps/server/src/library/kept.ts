/**
 * Answers that are computed once and kept for as long as what they are read from stays as it is.
 *
 * @param most of more the oldest is forgotten
 * @example
 * const keyAt = kept(1000, (position: number, _revision: number) => one.get(position)?.key)
 * keyAt(revision)(7)
 */
export function kept<Name, Value, State extends unknown[]>(
  most: number,
  compute: (name: Name, ...state: State) => Value,
) {
  const known = new Map<Name, Value>()
  let knownAt: State | undefined
  const answer = (name: Name): Value => {
    let value = known.get(name)
    if (value === undefined) {
      value = compute(name, ...knownAt!)
      if (known.size >= most) known.delete(known.keys().next().value!)
      known.set(name, value)
    }
    return value
  }
  /** @param state what tells whether anything has changed */
  return (...state: State): typeof answer => {
    if (state.some((one, at) => one !== knownAt?.[at])) known.clear()
    knownAt = state
    return answer
  }
}
