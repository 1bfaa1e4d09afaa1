import { defineErrors } from '../kernel/index.ts'

export const cacheErrors = defineErrors({
  cache_table_not_followed: {
    status: 500,
    message: 'An answer depends on the table {table}, whose changes the stream does not carry.',
    hint: 'Journal it, publish it for realtime, or name it in cache({ tables: […] }).',
  },
})
