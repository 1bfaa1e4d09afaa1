/** Largest of each thing that a request may hold; past it the answer is a 400 before PostgreSQL is asked. */
export const bounds = {
  /** Characters of the query string. */
  queryLength: 65_536,
  /** How often one parameter's text may be walked over while it is read: reading is linear. */
  scannerPasses: 8,
  /** Preferences of a `Prefer` header and media types of an `Accept` header that are read; more are ignored. */
  preferences: 64,
  mediaTypes: 64,
  /** Parameters of the query string. */
  parameters: 256,
  /** Conditions in all filters and logic trees together. */
  conditions: 512,
  /** How deep `and`/`or` trees nest. */
  logicDepth: 16,
  /** Fields and embeds in `select`. */
  selected: 1_024,
  /** Columns of an answer's rows, once `*` and spread embeds are written out; a few are left to the statement. */
  outputColumns: 1_600,
  embeds: 64,
  embedDepth: 10,
  /** Terms of one `order`. */
  orderTerms: 64,
  /** Steps of one JSON path. */
  jsonSteps: 32,
  /** How deep a JSON body nests; PostgreSQL's own parser gives up at a few thousand. */
  bodyDepth: 512,
  /** Bytes of a form; each of its values is decoded at once. */
  formLength: 262_144,
  /** Bytes of the JSON that a CSV body turns into. */
  csvJson: 41_943_040,
  /** Keys of one row in a body: more columns than a table can have. */
  bodyKeys: 1_600,
} as const
