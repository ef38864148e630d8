/**
 * What a user gave cannot be used. Says which input, what was found and what is expected; shown beside the form's field,
 * exit code 2 on the command line, 422 over HTTP.
 */
export class InputError extends Error {
  /** Name of the input, such as `k`. */
  field: string
  /** What was found, as it stands in the message. */
  found: string
  /** What is expected, as it stands after "must be". */
  expected: string

  /** @param message a whole sentence of its own, where "field must be …, found …" does not say it */
  constructor(
    field: string,
    found: string,
    expected: string,
    message = `${field} must be ${expected}, found ${found}`,
  ) {
    super(message)
    this.name = 'InputError'
    this.field = field
    this.found = found
    this.expected = expected
  }
}
