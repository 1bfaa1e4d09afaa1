export { startServer } from './serve/start-server.ts'
