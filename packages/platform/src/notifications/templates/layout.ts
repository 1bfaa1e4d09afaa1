/**
 * The frame of every mail: one column of tables with styles in place, which mail programs show alike from Outlook to a phone.
 * `content` is HTML already; everything else is escaped.
 */
export const layout = `<!doctype html>
<html lang="{{ locale }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ subject }}</title>
</head>
<body style="margin:0;padding:0;background:#f4f4f5">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="background:#f4f4f5"><tr><td align="center" style="padding:24px 12px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:560px;background:#ffffff;border-radius:8px"><tr>
<td style="padding:32px;font:16px/1.5 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;color:#18181b">
<h1 style="margin:0 0 16px;font-size:20px;line-height:1.3">{{ subject }}</h1>
{{ content | raw }}
{%- if action and url != '' %}
<p style="margin:24px 0 0"><a href="{{ url }}" style="display:inline-block;padding:12px 20px;border-radius:6px;background:#18181b;color:#ffffff;text-decoration:none">{{ action }}</a></p>
{%- endif %}
</td></tr></table>
<p style="max-width:560px;margin:16px auto 0;font:13px/1.5 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;color:#71717a">{{ sender }}
{%- if unsubscribe %} · <a href="{{ unsubscribe }}" style="color:#71717a">{{ unsubscribeLabel }}</a>{% endif %}</p>
</td></tr></table>
</body>
</html>
`
