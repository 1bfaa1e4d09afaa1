/**
 * Advisory lock of the database: whoever erases a person holds it alone from before the rows are emptied until the key is
 * gone, rewinds hold it together. Values that a rewind opened cannot come back after their person was erased.
 */
export const erasureLock = 7_077_009
