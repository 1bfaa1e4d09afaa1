/** Largest of each thing that a request may hold; past it the answer is a 400 before PostgreSQL is asked. */
export const bounds = {
  /** Characters of the query string. */
  queryLength: 65_536,
  /** How often one parameter's text may be walked over while it is read: reading is linear. */
  scannerPasses: 8,
  /** Parameters of the query string. */
  parameters: 256,
  /** Conditions in all filters and logic trees together. */
  conditions: 512,
  /** How deep `and`/`or` trees nest. */
  logicDepth: 16,
  /** Fields and embeds in `select`. */
  selected: 1_024,
  embeds: 64,
  embedDepth: 10,
  /** Terms of one `order`. */
  orderTerms: 64,
  /** Steps of one JSON path. */
  jsonSteps: 32,
  /** How deep a JSON body nests; PostgreSQL's own parser gives up at a few thousand. */
  bodyDepth: 512,
  /** Keys of one row in a body: more columns than a table can have. */
  bodyKeys: 1_600,
} as const
