export * from './actors.ts'
export * from './fake-clock.ts'
export * from './test-database.ts'
export * from './wait-for.ts'
