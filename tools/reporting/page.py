"""The frame of the report: one HTML page that holds its style, its pictures and its little script, and asks the network for nothing."""

import html

STYLE = """
:root { color-scheme: light; --ink: #222; --soft: #666; --line: #ddd; --accent: #0072B2; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 16px; }
h1 { font-size: 1.5rem; margin: 0 0 4px; overflow-wrap: anywhere; } h2 { font-size: 1.15rem; margin: 36px 0 8px; }
p { margin: 6px 0; max-width: 75ch; } .soft { color: var(--soft); } .bad { color: #a33600; font-weight: 600; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 10px; margin: 14px 0; }
.card { border: 1px solid var(--line); border-radius: 8px; padding: 10px 12px; }
.card b { display: block; font-size: 1.45rem; line-height: 1.3; }
.card.first { border-color: var(--accent); background: #f0f7fc; } .card span { color: var(--soft); font-size: .85rem; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr));
  gap: 16px 24px; align-items: start; }
figure { margin: 0; } figcaption { font-size: .85rem; color: var(--soft); }
svg { width: 100%; height: auto; display: block; }
.wide { overflow-x: auto; } .wide > svg { margin: 0 auto; } .sheet > svg { min-width: 600px; } .many-blocks > svg { min-width: 1000px; }
.grid .wide > svg { margin: 0; }
table { border-collapse: collapse; font-size: .88rem; }
th, td { text-align: left; padding: 3px 14px 3px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
 td.n, th.n { text-align: right; } thead th { border-bottom: 2px solid #bbb; }
.settings { columns: 300px; column-gap: 28px; } .settings table { width: 100%; break-inside: avoid; margin-bottom: 14px; }
.settings td { width: 50%; font-size: .8rem; overflow-wrap: anywhere; }
.long td { overflow-wrap: anywhere; } .long td:first-child { white-space: nowrap; }
pre { background: #f6f6f6; padding: 10px; border-radius: 6px; overflow-x: auto; font-size: .82rem; }
.maps { display: grid; gap: 14px 20px; } .maps.many { grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); }
.heat { break-inside: avoid; } .heat > div { position: relative; padding-left: 30px; }
.heat img { width: 100%; display: block; image-rendering: pixelated; cursor: crosshair; touch-action: pan-y; border: 1px solid #bbb; }
.heat i { position: absolute; left: 0; width: 30px; padding-top: 2px; border-top: 1px solid #bbb; line-height: 1; font-style: normal;
  font-size: .72rem; color: var(--soft); }
 .heat small { display: flex; justify-content: space-between; padding-left: 30px; color: var(--soft); }
.scale { display: flex; flex-wrap: wrap; gap: 4px 14px; align-items: center; font-size: .85rem; }
.scale span { display: inline-flex; align-items: center; gap: 6px; }
.scale em { display: inline-block; width: 120px; height: 12px; } .scale em.box { width: 14px; height: 14px; border: 1px solid #aaa; }
#tip { position: fixed; z-index: 9; background: #222; color: #fff; font-size: .8rem; padding: 4px 8px; border-radius: 4px;
  pointer-events: none; max-width: 92vw; overflow-wrap: anywhere; } #tip[hidden] { display: none; }
.confusion td, .confusion th { border: 1px solid #fff; padding: 2px 4px; text-align: center; min-width: 30px; font-size: .78rem; }
.confusion th { font-weight: 400; color: var(--soft); }
.worst { display: grid; grid-template-columns: repeat(auto-fill, minmax(84px, 1fr)); gap: 10px; font-size: .75rem; line-height: 1.25; }
.worst img { width: 64px; height: 64px; image-rendering: pixelated; display: block; }
@media print { body { font-size: 11px; } main { max-width: none; padding: 0; } figure, .card, tr { break-inside: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } .wide { overflow: visible; }
  .sheet > svg, .many-blocks > svg { min-width: 0; }
  .sheet > svg { max-width: 5in !important; } .grid { grid-template-columns: 1fr 1fr; } .confusion { break-inside: avoid; }
  h2, h2 + p { break-after: avoid; } pre { white-space: pre-wrap; } }
"""
SCRIPT = """
(function () {
  var info = JSON.parse(document.getElementById('edges').textContent), tip = document.getElementById('tip'), colours = {};
  info.colours.forEach(function (rgb, index) { colours[rgb] = index; });
  function pixels(img) {
    if (!img.pixels) {
      var canvas = document.createElement('canvas');
      canvas.width = img.naturalWidth; canvas.height = img.naturalHeight;
      var brush = canvas.getContext('2d');
      brush.drawImage(img, 0, 0);
      img.pixels = brush.getImageData(0, 0, canvas.width, canvas.height).data;
    }
    return img.pixels;
  }
  function value(img, row, column) {
    var at = 4 * (row * img.naturalWidth + column), data = pixels(img);
    var index = colours[[data[at], data[at + 1], data[at + 2]].join()];
    if (index === info.steps) { return 'λ = 0'; }
    if (index === info.steps + 1) { return 'pruned'; }
    return 'λ ≈ ' + (info.low + (info.high - info.low) * index / (info.steps - 1)).toPrecision(3);
  }
  function show(event) {
    var img = event.currentTarget, box = img.getBoundingClientRect();
    var column = Math.floor((event.clientX - box.left) / box.width * img.naturalWidth);
    var row = Math.floor((event.clientY - box.top) / box.height * img.naturalHeight);
    column = Math.max(0, Math.min(img.naturalWidth - 1, column)); row = Math.max(0, Math.min(img.naturalHeight - 1, row));
    tip.textContent = info.names[img.dataset.scope][row] + ', epoch ' + info.epochs[column] + ': ' + value(img, row, column);
    tip.hidden = false;
    tip.style.left = Math.max(4, Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 4)) + 'px';
    tip.style.top = Math.max(4, Math.min(event.clientY + 14, window.innerHeight - tip.offsetHeight - 4)) + 'px';
  }
  document.querySelectorAll('.heat img').forEach(function (img) {
    img.addEventListener('pointermove', show);
    img.addEventListener('pointerdown', show);
    img.addEventListener('pointerleave', function () { tip.hidden = true; });
  });
})();
"""
FRAME = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%s</title>
<link rel="icon" href="data:,">
<style>%s</style>
</head>
<body>
<main>
%s
</main>
%s</body>
</html>
"""


def page(title, body, script=''):
    """A whole HTML document. body: HTML; script: JSON for SCRIPT, none without heat maps."""
    live = ''
    if script:
        live = '<div id="tip" hidden="hidden"></div>\n<script type="application/json" id="edges">%s</script>\n'
        live = live % script.replace('<', '\\u003c') + f'<script>{SCRIPT}</script>\n'
    return FRAME % (text(title), STYLE, body, live)


def text(value):
    """Anything as text that HTML cannot mistake for its own."""
    return html.escape(str(value), quote=True)


def section(title, *parts):
    """A heading and what stands under it; nothing where there is nothing."""
    filled = [part for part in parts if part]
    return '<section>\n<h2>{}</h2>\n{}\n</section>'.format(text(title), '\n'.join(filled)) if filled else ''


def paragraph(words, kind=''):
    """A paragraph of plain text."""
    return '<p{}>{}</p>'.format(f' class="{kind}"' if kind else '', text(words))


def figure(content, caption='', kind=''):
    """A picture (an <svg> element as text) and its caption."""
    if not content:
        return ''
    under = f'<figcaption>{text(caption)}</figcaption>' if caption else ''
    return f'<figure><div class="wide {kind}">{content}</div>{under}</figure>'


def table(heads, rows, numbers=(), kind=''):
    """A table of texts. numbers: which columns are set to the right; kind: its class."""

    def line(cells, tag):
        return '<tr>{}</tr>'.format(
            ''.join(
                '<{}{}>{}</{}>'.format(tag, ' class="n"' if at in numbers else '', text(cell), tag)
                for at, cell in enumerate(cells)
            )
        )

    head = '<thead>{}</thead>'.format(line(heads, 'th')) if heads else ''
    return '<div class="wide"><table{}>{}<tbody>{}</tbody></table></div>'.format(
        f' class="{kind}"' if kind else '', head, ''.join(line(row, 'td') for row in rows)
    )
