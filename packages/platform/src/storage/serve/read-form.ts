import type { Readable } from 'node:stream'
import { storageErrors } from '../errors.ts'
import { readChunks } from './read-body.ts'

/** A multipart form up to its file. */
export interface FormFile {
  readonly fields: ReadonlyMap<string, string>
  readonly contentType: string
  /** Fails when the form ends before it is complete, so that half a file is never taken for a whole one. */
  readonly content: AsyncIterable<Buffer>
}

const limits = { fields: 20, fieldNameSize: 100, fieldSize: 65_536, files: 1, headerPairs: 100 }

/**
 * Reads the fields before the first file, whose bytes come as they are asked for; what follows the file is passed over. Fails
 * with `no_content` for a form without a file and with `invalid_storage_request` for what is no form.
 */
export async function readForm(stream: Readable, contentType: string): Promise<FormFile> {
  const { Busboy } = await import('@fastify/busboy')
  const fields = new Map<string, string>()
  const found = Promise.withResolvers<FormFile>()
  const ended = Promise.withResolvers<void>()
  ended.promise.catch(() => undefined)
  const parser = openParser()
  parser.on('field', (name, value) => fields.set(name, value))
  parser.on('file', (_name, file, _filename, _encoding, type) => {
    found.resolve({ fields, contentType: type, content: whole(file) })
  })
  parser.on('error', (error) => {
    const failure = notAForm(error)
    found.reject(failure)
    ended.reject(failure)
  })
  parser.on('finish', () => {
    found.reject(storageErrors.no_content())
    ended.resolve()
  })
  void feed()
  return found.promise

  function openParser() {
    try {
      return new Busboy({ headers: { 'content-type': contentType }, limits })
    } catch (cause) {
      throw notAForm(cause)
    }
  }

  async function feed(): Promise<void> {
    try {
      for await (const chunk of readChunks(stream)) {
        await write(chunk)
      }
      parser.end()
    } catch (error) {
      found.reject(error)
      ended.reject(error)
      parser.destroy(error as Error)
    }
  }

  function write(chunk: Buffer): Promise<void> {
    return new Promise((resolve, reject) =>
      parser.write(chunk, (error) => (error ? reject(error) : resolve())),
    )
  }

  async function* whole(file: Readable): AsyncIterable<Buffer> {
    try {
      for await (const chunk of file) yield chunk as Buffer
    } catch (error) {
      await ended.promise
      throw error
    }
    await ended.promise
  }
}

const notAForm = (cause: unknown) =>
  storageErrors.invalid_storage_request({ problem: 'The body is no complete multipart form.' }, cause)
