/** What works in Node only. */
export { openFileStore } from './store/file-store.ts'
