import pg from 'pg'

/** A statement as it goes to PostgreSQL: values are parameters, never part of the text. */
export interface Statement {
  readonly text: string
  readonly values?: readonly unknown[]
  /** Names a prepared statement of the connection; give one only to texts that are few and repeat. */
  readonly name?: string
  /** Rows as arrays in column order instead of objects. */
  readonly rowMode?: 'array'
}

/** Writes a statement with its values in place: `` sql`select * from items where id = ${id}` ``. */
export function sql(strings: TemplateStringsArray, ...values: readonly unknown[]): Statement {
  return { text: strings.reduce((text, part, index) => `${text}$${index}${part}`), values }
}

/** Quotes a name (table, role, database) for SQL text. */
export const quoteName = (name: string): string => pg.escapeIdentifier(name)

/** Quotes a literal for the few statements that take no parameters (CREATE ROLE … PASSWORD). */
export const quoteText = (text: string): string => pg.escapeLiteral(text)
