// What the page does: it stands behind `verify.js` in the same script.

const element = (id) => document.getElementById(id)
const given = JSON.parse(element('given').textContent)
const day = (instant) => new Date(instant).toISOString().slice(0, 10)
const moment = (instant) => `${new Date(instant).toISOString().slice(0, 16).replace('T', ' ')} UTC`

const sayings = {
  valid: () => [
    'Valid',
    (since) => `Signed by the issuer, in its log, and not revoked as of ${moment(since)}.`,
  ],
  unknown: (since) => [
    `Status unknown since ${moment(since)}`,
    () =>
      'Signed by the issuer and in its log. The newest status list here is out of date: the certificate may have been revoked since.',
  ],
  expired: (since) => [`Expired on ${day(since)}`, () => 'It was issued, and held until then.'],
  revoked: () => ['Revoked', () => 'The issuer has taken this certificate back.'],
  superseded: () => ['Superseded', () => 'A newer version has taken its place. Ask the holder for it.'],
}

function show(verification) {
  const { state, since, facts, problem } = verification
  const [title, reason] = sayings[state]?.(since) ?? ['Not valid', () => problem]
  element('result').hidden = false
  element('result').dataset.state = state
  element('state').textContent = title
  element('reason').textContent = reason(since)
  const lines = facts
    ? [
        ['Holder', facts.holder],
        ['Course', facts.course],
        ['Held', facts.startsAt ? moment(facts.startsAt) : ''],
        ['Issued by', facts.issuer],
        ['Issued on', day(facts.validFrom)],
        ['Number', facts.number],
      ]
    : []
  const pair = ([name, value]) => [
    Object.assign(document.createElement('dt'), { textContent: name }),
    Object.assign(document.createElement('dd'), { textContent: value }),
  ]
  element('facts').replaceChildren(...lines.flatMap(pair))
}

let certificate = given.certificate
let lists = given.lists

async function verify() {
  if (certificate)
    show(
      await verifyCertificate(certificate, {
        issuers: given.issuers.map(({ did }) => did),
        now: new Date(),
        lists,
      }),
    )
}

element('certificate').addEventListener('change', async ({ target }) => {
  try {
    certificate = await readCertificateFile(new Uint8Array(await target.files[0].arrayBuffer()))
    await verify()
  } catch {
    show({ state: 'invalid', problem: 'The file is no certificate of this kind.', since: null })
  }
})

element('lists').addEventListener('change', async ({ target }) => {
  const texts = await Promise.all([...target.files].map((file) => file.text()))
  // A file holds one list, or several, a line each.
  lists = [...given.lists, ...texts.flatMap((text) => text.split(/\s+/).filter((line) => line !== ''))]
  await verify()
})

element('issuers').replaceChildren(
  ...given.issuers.map(({ did, name }) => {
    const item = document.createElement('li')
    item.append(`${name}: `, Object.assign(document.createElement('code'), { textContent: did }))
    return item
  }),
)
if (globalThis.crypto?.subtle === undefined)
  show({
    state: 'invalid',
    problem:
      'This browser gives pages in files no cryptography. Use a current Chrome, Edge, Firefox or Safari.',
    since: null,
  })
else await verify()
