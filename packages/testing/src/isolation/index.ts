export * from './create-world.ts'
export * from './measure-isolation.ts'
export * from './read-tables.ts'
