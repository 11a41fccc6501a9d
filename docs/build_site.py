"""Write the documents as HTML, README.md first and the API reference in it: python docs/build_site.py build/site.

MkDocs makes the pages. Here they are gathered: a page of the repository becomes a page of the site, its links to other pages lead to
these, and links to other files of the repository to copies of them. Every link and anchor of the pages is checked, without network; those
within the API reference are pdoc's own.
"""

import argparse
import html.parser
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from typing import Any, Dict, List, Set, Tuple
from urllib.parse import unquote, urldefrag

ROOT = pathlib.Path(__file__).resolve().parent.parent
API = 'api'
FRONT = 'README.md'
# (heading, pages); a page that stands in no group comes last
GROUPS = (
    ('Use', ('guide', 'fit', 'python', 'configuration', 'training', 'runs', 'troubleshooting')),
    ('Machines', ('machines', 'gpu', 'docker')),
    ('Results', ('results', 'recipes', 'comparison')),
    ('Inside', ('method', 'architecture', 'mxnet')),
)
OTHER_PAGES = {
    'CONTRIBUTING.md': 'contributing.md',
    'CHANGELOG.md': 'changelog.md',
    'examples/README.md': 'examples.md',
    'tests/golden/README.md': 'golden.md',
}
STYLE = 'tables.css'
RULES = """.wy-table-responsive table td, .wy-table-responsive table th { white-space: normal; overflow-wrap: anywhere; }
.wy-table-responsive table td:not(:last-child), .wy-table-responsive table th { overflow-wrap: normal; }
.rst-content table code { white-space: normal; } .rst-content table td:last-child code {
  overflow-wrap: anywhere !important; word-break: break-word; }
.wy-nav-content { max-width: 1000px; }
"""
LINK = re.compile(r'(\]\(|<img src=")([^)\s"]+)')
CODE = re.compile(r'```.*?```|`[^`\n]+`', re.S)


def pages() -> Dict[str, str]:
    """Return {path in the repository: path in the site's source} of every page."""
    found = {FRONT: 'index.md', **OTHER_PAGES}
    found.update((f'docs/{path.name}', path.name) for path in sorted((ROOT / 'docs').glob('*.md')))
    return found


def gather(folder: pathlib.Path) -> None:
    """Write the source of every page, and copies of the files that they link to, into `folder`."""
    known = pages()
    for path, target in known.items():
        text = (ROOT / path).read_text(encoding='utf-8')
        kept: List[str] = []

        def put_away(found: 're.Match[str]', kept: List[str] = kept) -> str:
            kept.append(found.group())
            return f'\0{len(kept) - 1}\0'

        text = CODE.sub(put_away, text)
        text = LINK.sub(lambda found: found.group(1) + _link(path, found.group(2), known, folder), text)  # noqa: B023
        text = re.sub('\0(\\d+)\0', lambda found: kept[int(found.group(1))], text)  # noqa: B023
        (folder / target).write_text(text, encoding='utf-8')


def _link(page: str, target: str, known: Dict[str, str], folder: pathlib.Path) -> str:
    """Return where a link of a page of the repository leads in the site."""
    path, anchor = urldefrag(target)
    if re.match(r'[a-z]+:', target) or not path:
        return target
    inside = os.path.normpath(os.path.join(os.path.dirname(page), path)).replace(os.sep, '/')
    if inside in known:
        return known[inside] + (f'#{anchor}' if anchor else '')
    copied = folder / 'files' / inside if not inside.startswith('docs/') else folder / inside[len('docs/') :]
    if (ROOT / inside).is_file():
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(ROOT / inside), str(copied))
    return copied.relative_to(folder).as_posix()


def slug(heading: str, separator: str) -> str:
    """Return the anchor of a heading as GitHub makes it."""
    return re.sub(r'[^\w\- ]', '', heading.lower().strip()).replace(' ', separator)


def navigation(api: bool) -> List[Any]:
    """Return MkDocs' list of pages."""
    left = [name[len('docs/') : -len('.md')] for name in pages() if name.startswith('docs/')]
    entries: List[Any] = [{'dsonas': 'index.md'}]
    for heading, names in GROUPS:
        entries.append({heading: [f'{name}.md' for name in names if name in left]})
        left = [name for name in left if name not in names]
    last = [*(f'{name}.md' for name in left), 'examples.md', 'golden.md', 'contributing.md', 'changelog.md']
    entries.append({'More': last})
    return entries + ([{'API reference': f'{API}/index.html'}] if api else [])


def build(target: pathlib.Path, api: bool = True) -> None:
    """Write the site into `target`, which is emptied before. api: with the reference from the docstrings (docs/make_api.py)."""
    from mkdocs.commands.build import build as make
    from mkdocs.config import load_config

    with tempfile.TemporaryDirectory() as workspace:
        source, configuration = os.path.join(workspace, 'pages'), os.path.join(workspace, 'mkdocs.yml')
        os.mkdir(source)
        gather(pathlib.Path(source))
        pathlib.Path(source, STYLE).write_text(RULES, encoding='utf-8')
        pathlib.Path(configuration).write_text('site_name: dsonas\n', encoding='utf-8')
        config = load_config(
            configuration,
            docs_dir=source,
            site_dir=str(target),
            theme={'name': 'readthedocs', 'highlightjs': False},
            nav=navigation(api),
            use_directory_urls=False,
            plugins=[],  # a search would need a server: pages are opened as files
            extra_css=[STYLE],
            markdown_extensions=[{'toc': {'slugify': slug, 'permalink': True}}, 'tables', 'fenced_code', 'sane_lists'],
            validation={'nav': {'not_found': 'ignore'}, 'links': {'not_found': 'info'}},
        )
        make(config)
    if api:
        subprocess.run([sys.executable, str(ROOT / 'docs' / 'make_api.py'), str(target / API)], check=True)


class _Page(html.parser.HTMLParser):
    """The anchors of an HTML page, and what it links to and loads."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: Set[str] = set()
        self.links: List[str] = []
        self.loaded: List[str] = []  # what the page needs to be shown, and nobody clicks on

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Any]]) -> None:
        for name, value in attrs:
            if value and (name == 'id' or (tag == 'a' and name == 'name')):
                self.anchors.add(value)
            if value and name in ('href', 'src'):
                self.links.append(value)
                if tag in ('img', 'script') or (tag == 'link' and ('rel', 'canonical') not in attrs):
                    self.loaded.append(value)


def dead_links(folder: pathlib.Path, left_out: Tuple[str, ...] = ()) -> List[str]:
    """Return 'page: link' for every link or anchor within the site that leads nowhere. left_out: folders that are not looked at."""
    read: Dict[pathlib.Path, _Page] = {}
    for path in sorted(folder.rglob('*.html')):
        if not path.relative_to(folder).as_posix().startswith(left_out or ('\0',)):
            read[path] = _Page()
            read[path].feed(path.read_text(encoding='utf-8'))
    dead = []
    for path, page in read.items():
        for link in page.links:
            place, anchor = urldefrag(link)
            if re.match(r'[a-z]+:|//', link) or place.startswith(left_out or ('\0',)):
                continue
            found = pathlib.Path(os.path.normpath(path.parent / unquote(place))) if place else path
            found = found / 'index.html' if found.is_dir() else found
            missing = not found.is_file() or (anchor and found in read and unquote(anchor) not in read[found].anchors)
            if missing and not _is_of_theme(path.relative_to(folder).as_posix(), link):
                dead.append(f'{path.relative_to(folder).as_posix()}: {link}')
    return dead


def _is_of_theme(page: str, link: str) -> bool:
    """Whether a page of MkDocs' own has a link that leads nowhere by itself: 404.html, which is served from any folder."""
    return page == '404.html' or link in ('#', '/')


def main() -> None:
    """Build, check, and say where the front page is."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').splitlines()[0])
    parser.add_argument('folder', type=pathlib.Path, help='where the site goes; emptied before')
    parser.add_argument('--no-api', dest='api', action='store_false', help='without the API reference')
    options = parser.parse_args()
    folder = options.folder.resolve()
    build(folder, options.api)
    dead = dead_links(folder, (API,))
    if options.api:
        pages_needed = ('index', 'dsonas', 'dsonas/symbols/space', 'dsonas/train/fitting/result')
        dead += [f'{API}/{page}.html' for page in pages_needed if not (folder / API / f'{page}.html').is_file()]
    if dead:
        sys.exit('error: links that lead nowhere:\n' + '\n'.join(dead))
    print(f'{options.folder}/index.html written')


if __name__ == '__main__':
    main()
