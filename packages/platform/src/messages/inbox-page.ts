/** The development inbox: asks for the service key, keeps it in the page alone, and shows messages as text. */
export const inboxPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Inbox</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
  article { border: 1px solid #ccc; border-radius: 6px; padding: .75rem 1rem; margin: 1rem 0; }
  h2 { font-size: 1rem; margin: 0; }
  small { color: #555; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; }
</style>
<h1>Inbox</h1>
<p>Messages that this project would have sent. <label>Service key: <input id="key" type="password" autocomplete="off" size="40"></label></p>
<main id="list"></main>
<script>
const list = document.getElementById('list'), key = document.getElementById('key')
const element = (name, text) => Object.assign(document.createElement(name), { textContent: text })
const withLinks = (text) => text.split(/(https?:\\/\\/\\S+)/).map((part, index) => {
  if (index % 2 === 0) return part
  return Object.assign(element('a', part), { href: part, rel: 'noreferrer' })
})
const show = (message) => {
  const article = element('article', '')
  const body = element('pre', '')
  body.append(...withLinks(message.body))
  article.append(element('h2', message.subject || message.kind), element('small', message.recipient + ' · ' + message.sent_at), body)
  return article
}
const load = async () => {
  if (!key.value) return
  const path = location.pathname.replace(/\\/$/, '') + '/messages'
  const answer = await fetch(path, { headers: { apikey: key.value.trim() } })
  list.replaceChildren(...(answer.ok ? (await answer.json()).map(show) : [element('p', 'This is not the service key.')]))
}
key.addEventListener('change', load)
setInterval(load, 3000)
</script>
</html>
`
