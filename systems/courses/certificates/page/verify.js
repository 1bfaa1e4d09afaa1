// Verifies a certificate with nothing but the file, the issuer's identifier and the time. The page `verify.html` holds this
// file as it stands and the server imports it: both say the same. No network, no imports; WebCrypto with Ed25519.

const format = 'plinth-certificate/1'
/** Clocks may differ by so many milliseconds. */
const skew = 300_000
const leafPrefix = Uint8Array.of(0)
const nodePrefix = Uint8Array.of(1)

/** Says what a certificate is worth: see `verify.d.ts`. */
export async function verifyCertificate(bundle, { issuers, now, lists = [] }) {
  let facts
  try {
    if (bundle?.format !== format) throw new Error('This is not a certificate file.')
    const { payload, key } = await openJwt(bundle.credential, issuers)
    facts = factsOf(payload)
    await checkLogged(bundle, payload.iss, key)
    const known = await readStatus(
      payload.credentialStatus,
      [...array(bundle.status), ...lists],
      issuers,
      payload.iss,
      now,
    )
    if (known.isReplaced) return { state: 'superseded', facts, since: known.since }
    if (known.isRevoked) return { state: 'revoked', facts, since: known.since }
    if (facts.validFrom > now.getTime() + skew) throw new Error('The certificate is dated in the future.')
    if (facts.validUntil !== null && facts.validUntil <= now.getTime())
      return { state: 'expired', facts, since: facts.validUntil }
    if (!known.isFresh) return { state: 'unknown', facts, since: known.since ?? facts.validFrom }
    return { state: 'valid', facts, since: known.since }
  } catch (error) {
    return { state: 'invalid', problem: error instanceof Error ? error.message : String(error), since: null }
  }
}

/** The certificate file that a JSON file is, or that a PDF carries. */
export async function readCertificateFile(bytes) {
  const text = new TextDecoder('latin1').decode(bytes)
  if (!text.startsWith('%PDF')) return JSON.parse(new TextDecoder().decode(bytes))
  for (const found of text.matchAll(/\/Type \/EmbeddedFile[\s\S]*?stream\r?\n/g)) {
    const start = found.index + found[0].length
    const length = Number(/\/Length (\d+)/.exec(found[0])?.[1] ?? 0)
    const content = bytes.subarray(start, start + length)
    const plain = found[0].includes('/FlateDecode') ? await inflate(content, 'deflate') : content
    const bundle = JSON.parse(new TextDecoder().decode(plain))
    if (bundle.format === format) return bundle
  }
  throw new Error('The PDF carries no certificate file.')
}

async function openJwt(jwt, issuers) {
  const [head, body, signature, more] = String(jwt).split('.')
  if (!signature || more !== undefined) throw new Error('There is no signed credential in it.')
  const header = JSON.parse(utf8(fromBase64(head)))
  const payload = JSON.parse(utf8(fromBase64(body)))
  const { iss } = payload
  if (header.alg !== 'EdDSA' || header.crit !== undefined)
    throw new Error('It is signed in a way that is not accepted.')
  if (!issuers.includes(iss))
    throw new Error(`It was issued by ${String(iss).slice(0, 100)}, who is not the issuer asked for.`)
  const key = await keyOfDid(iss)
  const content = new TextEncoder().encode(`${head}.${body}`)
  if (!(await crypto.subtle.verify('Ed25519', key, fromBase64(signature), content)))
    throw new Error('The signature does not hold: it was forged or altered.')
  return { payload, key }
}

function factsOf(payload) {
  const { credentialSubject: subject, issuer } = payload
  if (
    !array(payload.type).includes('OpenBadgeCredential') ||
    issuer?.id !== payload.iss ||
    payload.jti !== payload.id
  )
    throw new Error('It is signed, but it is not a certificate.')
  const name = array(subject?.identifier).find(({ identityType }) => identityType === 'name')
  return {
    id: payload.id,
    number: subject.licenseNumber,
    holder: name?.identityHash ?? '',
    course: subject.achievement.name,
    issuer: issuer.name,
    startsAt: Date.parse(subject.activityStartDate),
    endsAt: Date.parse(subject.activityEndDate),
    validFrom: payload.nbf * 1000,
    validUntil: payload.exp === undefined ? null : payload.exp * 1000,
  }
}

/** That the credential is a leaf of the log whose head the issuer signed (RFC 9162, 2.1.3.2; C2SP tlog-checkpoint). */
async function checkLogged({ credential, log }, did, key) {
  const { size, root } = await openCheckpoint(log?.checkpoint, `${did}/certificates`, key)
  const { index, path } = log
  if (!Number.isSafeInteger(index) || index < 0 || index >= size)
    throw new Error('It has no place in the log.')
  let hash = await sha256(leafPrefix, new TextEncoder().encode(credential))
  let fn = index
  let sn = size - 1
  const half = (value) => Math.floor(value / 2)
  for (const step of array(path)) {
    if (sn === 0) throw new Error('It is not in the log.')
    const other = fromBase64(step)
    if (fn % 2 === 1 || fn === sn) {
      hash = await sha256(nodePrefix, other, hash)
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [half(fn), half(sn)]
    } else hash = await sha256(nodePrefix, hash, other)
    ;[fn, sn] = [half(fn), half(sn)]
  }
  if (sn !== 0 || toBase64(hash) !== root) throw new Error('It is not in the log.')
}

async function openCheckpoint(note, origin, key) {
  const end = String(note).lastIndexOf('\n\n')
  const text = String(note).slice(0, end + 1)
  const lines = String(note)
    .slice(end + 2)
    .split('\n')
  for (const line of lines) {
    if (end < 0 || !line.startsWith(`— ${origin} `)) continue
    const signature = fromBase64(line.slice(origin.length + 3)).subarray(4)
    if (!(await crypto.subtle.verify('Ed25519', key, signature, new TextEncoder().encode(text)))) continue
    const [name, size, root] = text.split('\n')
    if (name === origin && /^[1-9]\d{0,15}$/.test(size)) return { size: Number(size), root }
  }
  throw new Error('The head of the log is not signed by the issuer.')
}

/** What the newest of the lists says. A bit that is set stays set: an older list that has it counts as well. */
async function readStatus(entry, given, issuers, issuer, now) {
  const address = entry?.statusListCredential
  const index = Number(entry?.statusListIndex)
  const known = { isRevoked: false, isReplaced: false, isFresh: false, since: null }
  if (typeof address !== 'string' || !Number.isSafeInteger(index) || index < 0)
    throw new Error('The certificate does not say where its status is.')
  for (const jwt of given) {
    const list = await openList(jwt, issuers, issuer)
    if (!list) continue
    const isRevocation = list.id === address
    if (!isRevocation && list.id !== `${address}&purpose=refresh`) continue
    const bits = await inflate(fromBase64(list.encoded.slice(1)), 'gzip')
    const isSet = ((bits[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0
    if (!isRevocation) {
      known.isReplaced ||= isSet
      continue
    }
    known.isRevoked ||= isSet
    if (list.from > now.getTime() + skew || (known.since !== null && list.from <= known.since)) continue
    known.since = list.from
    known.isFresh = list.until > now.getTime()
  }
  return known
}

/** A status list of this issuer; null for what is none, or somebody else's. */
async function openList(jwt, issuers, issuer) {
  try {
    const { payload } = await openJwt(jwt, issuers)
    const { credentialSubject: subject } = payload
    const purpose = payload.id?.endsWith('&purpose=refresh') ? 'refresh' : 'revocation'
    const isList =
      array(payload.type).includes('BitstringStatusListCredential') && subject?.type === 'BitstringStatusList'
    if (
      !isList ||
      payload.iss !== issuer ||
      subject.statusPurpose !== purpose ||
      subject.encodedList?.[0] !== 'u'
    )
      return null
    return {
      id: payload.id,
      from: payload.nbf * 1000,
      until: payload.exp * 1000,
      encoded: subject.encodedList,
    }
  } catch {
    return null
  }
}

/** The Ed25519 key that a did:key is: multibase base58btc of 0xed01 and 32 bytes. */
async function keyOfDid(did) {
  const bytes = fromBase58(String(did).slice('did:key:z'.length))
  if (!String(did).startsWith('did:key:z') || bytes.length !== 34 || bytes[0] !== 0xed || bytes[1] !== 1)
    throw new Error('The issuer’s identifier is no Ed25519 key.')
  return crypto.subtle.importKey('raw', bytes.subarray(2), 'Ed25519', false, ['verify'])
}

const array = (value) => (Array.isArray(value) ? value : [])
const utf8 = (bytes) => new TextDecoder('utf-8', { fatal: true }).decode(bytes)

async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', await new Blob(parts).arrayBuffer()))
}

/** No list and no file that is meant takes more: a small file cannot fill the memory. */
const mostBytes = 4_194_304

async function inflate(bytes, kind) {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream(kind)).getReader()
  const chunks = []
  for (let size = 0; ; ) {
    const { done, value } = await reader.read()
    if (done) return new Uint8Array(await new Blob(chunks).arrayBuffer())
    size += value.length
    if (size > mostBytes) throw new Error('It is too large.')
    chunks.push(value)
  }
}

function fromBase64(text) {
  const plain = String(text).replaceAll('-', '+').replaceAll('_', '/')
  return Uint8Array.from(atob(plain), (character) => character.charCodeAt(0))
}

const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes))

function fromBase58(text) {
  const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
  let number = 0n
  for (const character of text.slice(0, 64)) number = number * 58n + BigInt(alphabet.indexOf(character))
  const hex = number.toString(16)
  const even = hex.length % 2 === 0 ? hex : `0${hex}`
  return Uint8Array.from(even.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}
