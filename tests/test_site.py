"""The documents as HTML: every page is there, and every link and anchor leads somewhere. No network."""

import importlib.util
import pathlib
import subprocess
import sys

import pytest

from .documents import DOCUMENTS, ROOT, links

pytest.importorskip('mkdocs')
PACKAGES = ('base', 'symbols', 'optim', 'data', 'runfiles', 'train', 'tools')
SPEC = importlib.util.spec_from_file_location('build_site', str(ROOT / 'docs' / 'build_site.py'))
build_site = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(build_site)


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    """The site without the API reference."""
    folder = tmp_path_factory.mktemp('site') / 'html'
    build_site.build(folder, api=False)
    return folder


def test_every_document_is_a_page(site):
    pages = build_site.pages()
    assert {(ROOT / path).resolve() for path in pages} >= set(DOCUMENTS)
    for target in pages.values():
        page = site / (target[: -len('.md')] + '.html')
        assert page.is_file(), target
        assert page.name in (site / 'index.html').read_text(encoding='utf-8'), 'the navigation leads to every page'


def test_every_link_leads_somewhere(site):
    assert build_site.dead_links(site) == []


def test_files_that_are_linked_are_there(site):
    assert any('CITATION.cff' in target for target in links(ROOT / 'README.md'))
    assert (site / 'files' / 'CITATION.cff').read_bytes() == (ROOT / 'CITATION.cff').read_bytes()
    for picture in (ROOT / 'docs' / 'images').iterdir():
        if f'images/{picture.name}' in (ROOT / 'README.md').read_text(encoding='utf-8'):
            assert (site / 'images' / picture.name).is_file()


def test_nothing_comes_from_the_network(site):
    for page in site.glob('*.html'):
        reader = build_site._Page()
        reader.feed(page.read_text(encoding='utf-8'))
        assert not [link for link in reader.loaded if link.startswith(('http:', 'https:', '//'))], page.name


def test_pages_opened_as_files_ask_for_no_worker_and_their_tables_wrap(site):
    """The search of MkDocs fails from a file with an exception, and its theme sets each cell of a table in one line."""
    front = (site / 'index.html').read_text(encoding='utf-8')
    assert 'search/' not in front and 'id="rtd-search-form"' not in front and build_site.STYLE in front
    assert 'white-space: normal' in (site / build_site.STYLE).read_text(encoding='utf-8')


@pytest.mark.parametrize('link', ['gone.html', 'guide.html#nothing-here', 'images/none.svg', '../out.html'])
def test_dead_links_are_found(link, tmp_path):
    (tmp_path / 'guide.html').write_text('<h1 id="there">There</h1>')
    (tmp_path / 'index.html').write_text(f'<a href="guide.html#there">there</a> <a href="{link}">dead</a>')
    assert build_site.dead_links(tmp_path) == [f'index.html: {link}']


def test_anchors_are_those_of_the_repository():
    """As the links within the Markdown files have them."""
    assert build_site.slug("The paper's words, and λ", '-') == 'the-papers-words-and-λ'


def test_code_is_left_as_it_is(tmp_path):
    gathered = tmp_path / 'pages'
    gathered.mkdir()
    build_site.gather(gathered)
    for path, target in build_site.pages().items():
        before, after = ((root / name).read_text(encoding='utf-8') for root, name in ((ROOT, path), (gathered, target)))
        assert build_site.CODE.findall(before) == build_site.CODE.findall(after)
        assert '\0' not in after


def test_the_front_page_is_the_readme(site):
    assert pathlib.Path(build_site.FRONT).name == 'README.md'
    assert 'Pretrain.' in (site / 'index.html').read_text(encoding='utf-8')


def test_the_api_reference_has_every_module_and_the_classes_that_are_imported_when_they_are_used():
    """In a process of its own, since it imports every module and changes __all__."""
    pytest.importorskip('pdoc')
    code = (
        'import sys; sys.path.insert(0, "docs"); import make_api, dsonas; make_api.with_modules(); '
        'print(*make_api.modules(), vars(dsonas)["Result"].__name__)'
    )
    ran = subprocess.run([sys.executable, '-c', code], cwd=str(ROOT), stdout=subprocess.PIPE, check=True, timeout=300)
    found = set(ran.stdout.decode().split())
    files = [path.relative_to(ROOT).with_suffix('') for folder in PACKAGES for path in (ROOT / folder).rglob('*.py')]
    modules = {'.'.join(('dsonas', *file.parts)) for file in files}
    wanted = {name[: -len('.__init__')] if name.endswith('.__init__') else name for name in modules}
    assert (
        wanted - found - {name for name in wanted if '.torch_' in name or name.endswith('.__main__')} == set()
        and 'Result' in found
    )


def test_arguments_in_docstrings_are_entries_of_a_list():
    pytest.importorskip('pdoc')
    code = 'import sys; sys.path.insert(0, "docs"); import make_api; print(make_api.listed(sys.stdin.read()))'
    text = 'Do it.\n\nmore, less: one\n    of them.\nthe rest: of a sentence\n\nRaises UserError.'
    ran = subprocess.run([sys.executable, '-c', code], cwd=str(ROOT), input=text.encode(), stdout=subprocess.PIPE)
    wanted = 'Do it.\n\n- `more, less`: one\n    of them.\nthe rest: of a sentence\n\nRaises UserError.'
    assert ran.stdout.decode().strip() == wanted
