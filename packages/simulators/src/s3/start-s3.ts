import { createHash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Stored {
  readonly bytes: Buffer
  readonly modifiedAt: Date
}

interface Multipart {
  readonly key: string
  readonly beganAt: Date
  readonly parts: Map<number, Stored>
}

interface Answer {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: string | Buffer
}

const bucket = 'plinth'
const accessKey = 'AKIDTEST'
/** S3's least for every part but the last. Bytes. */
const leastPart = 5 * 1_024 * 1_024

/**
 * S3's wire as its API reference describes it, in memory: the operations that the store uses, path style, one bucket. It is no
 * S3: signatures are looked at for their form and key only. `fail` makes the next requests fail as S3 does under load.
 */
export async function startS3() {
  const objects = new Map<string, Stored>()
  const uploads = new Map<string, Multipart>()
  let failures = 0
  const server = createServer((request, response) => {
    void (async () => {
      const body = await readBody(request)
      const fails = failures > 0
      if (fails) failures -= 1
      send(response, request.method ?? '', fails ? slowDown : handle(request, body, objects, uploads))
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    options: {
      bucket,
      prefix: '',
      region: 'us-east-1',
      pathStyle: true,
      endpoint: `http://127.0.0.1:${port}`,
      accessKey,
      secretKey: 'secret of the test',
    },
    fail: (requests: number) => {
      failures = requests
    },
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function send(response: ServerResponse, method: string, { status, headers = {}, body = '' }: Answer): void {
  const length = headers['content-length'] ?? String(Buffer.byteLength(body))
  response.writeHead(status, { 'x-amz-request-id': randomUUID(), ...headers, 'content-length': length })
  response.end(method === 'HEAD' ? undefined : body)
}

const error = (status: number, code: string): Answer => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`,
})
const slowDown = error(503, 'SlowDown')
const xml = (root: string, content: string): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/xml' },
  body: `<?xml version="1.0" encoding="UTF-8"?><${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${content}</${root}>`,
})
const tagOf = (bytes: Buffer) => `"${createHash('md5').update(bytes).digest('hex')}"`

function handle(
  request: IncomingMessage,
  body: Buffer,
  objects: Map<string, Stored>,
  uploads: Map<string, Multipart>,
): Answer {
  const signed =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/us-east-1\/s3\/aws4_request, SignedHeaders=[a-z0-9;-]+, Signature=[0-9a-f]{64}$/
  if (signed.exec(request.headers.authorization ?? '')?.[1] !== accessKey)
    return error(403, 'SignatureDoesNotMatch')
  if (/aws-chunked/.test(request.headers['content-encoding'] ?? '')) return error(501, 'NotImplemented')
  const url = new URL(request.url ?? '/', 'http://s3')
  const [, name, ...rest] = decodeURIComponent(url.pathname).split('/')
  if (name !== bucket) return error(404, 'NoSuchBucket')
  const call = { method: request.method ?? '', key: rest.join('/'), query: url.searchParams, body, request }
  if (call.key === '') return handleBucket(call, objects, uploads)
  return handleParts(call, objects, uploads) ?? handleObject(call, objects)
}

interface Call {
  readonly method: string
  readonly key: string
  readonly query: URLSearchParams
  readonly body: Buffer
  readonly request: IncomingMessage
}

/** Pages of two, so that every list is read in several. */
const pageLength = 2

function handleBucket(
  { query }: Call,
  objects: Map<string, Stored>,
  uploads: Map<string, Multipart>,
): Answer {
  const prefix = query.get('prefix') ?? ''
  if (query.has('uploads')) {
    const found = [...uploads].filter(([, { key }]) => key.startsWith(prefix))
    const entries = found.map(
      ([id, { key, beganAt }]) =>
        `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${beganAt.toISOString()}</Initiated></Upload>`,
    )
    return xml('ListMultipartUploadsResult', `<IsTruncated>false</IsTruncated>${entries.join('')}`)
  }
  const after = query.get('continuation-token') ?? ''
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort()
  const page = keys.slice(0, pageLength)
  const entries = page.map((key) => {
    const { bytes, modifiedAt } = objects.get(key)!
    return `<Contents><Key>${key}</Key><LastModified>${modifiedAt.toISOString()}</LastModified><Size>${bytes.length}</Size></Contents>`
  })
  const more = keys.length > pageLength
  const next = more ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : ''
  return xml('ListBucketResult', `<IsTruncated>${more}</IsTruncated>${next}${entries.join('')}`)
}

function handleParts(
  call: Call,
  objects: Map<string, Stored>,
  uploads: Map<string, Multipart>,
): Answer | undefined {
  const { method, key, query, body } = call
  if (method === 'POST' && query.has('uploads')) {
    const id = randomUUID()
    uploads.set(id, { key, beganAt: new Date(), parts: new Map() })
    return xml('InitiateMultipartUploadResult', `<Key>${key}</Key><UploadId>${id}</UploadId>`)
  }
  const id = query.get('uploadId')
  if (id === null) return undefined
  const upload = uploads.get(id)
  if (!upload || upload.key !== key) return error(404, 'NoSuchUpload')
  if (method === 'PUT') {
    upload.parts.set(Number(query.get('partNumber')), { bytes: body, modifiedAt: new Date() })
    return { status: 200, headers: { etag: tagOf(body) } }
  }
  if (method === 'DELETE') {
    uploads.delete(id)
    return { status: 204 }
  }
  return completeParts(upload, String(body), () => uploads.delete(id), objects)
}

function completeParts(
  upload: Multipart,
  body: string,
  done: () => void,
  objects: Map<string, Stored>,
): Answer {
  const named = [...body.matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = '']) => ({
    number: Number(/<PartNumber>(\d+)</.exec(part)?.[1]),
    tag: /<ETag>(.*?)</.exec(part)?.[1]?.replaceAll('&quot;', '"'),
  }))
  const parts = named.map(({ number }) => upload.parts.get(number))
  if (named.length === 0 || parts.some((part, at) => !part || tagOf(part.bytes) !== named[at]!.tag))
    return error(400, 'InvalidPart')
  if (parts.slice(0, -1).some((part) => part!.bytes.length < leastPart)) return error(400, 'EntityTooSmall')
  objects.set(upload.key, { bytes: Buffer.concat(parts.map((part) => part!.bytes)), modifiedAt: new Date() })
  done()
  return xml('CompleteMultipartUploadResult', `<Key>${upload.key}</Key>`)
}

function handleObject({ method, key, body, request }: Call, objects: Map<string, Stored>): Answer {
  if (method === 'PUT') {
    objects.set(key, { bytes: body, modifiedAt: new Date() })
    return { status: 200, headers: { etag: tagOf(body) } }
  }
  if (method === 'DELETE') {
    objects.delete(key)
    return { status: 204 }
  }
  const found = objects.get(key)
  if (!found) return error(404, 'NoSuchKey')
  const headers = { 'last-modified': found.modifiedAt.toUTCString(), etag: tagOf(found.bytes) }
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
  if (!range)
    return {
      status: 200,
      headers: { ...headers, 'content-length': String(found.bytes.length) },
      body: found.bytes,
    }
  const [start, end] = [Number(range[1]), Math.min(Number(range[2]), found.bytes.length - 1)]
  if (start >= found.bytes.length) return error(416, 'InvalidRange')
  const contentRange = `bytes ${start}-${end}/${found.bytes.length}`
  return {
    status: 206,
    headers: { ...headers, 'content-range': contentRange },
    body: found.bytes.subarray(start, end + 1),
  }
}
