"""The documents as HTML: every page is there, and every link and anchor leads somewhere. No network."""

import importlib.util
import pathlib

import pytest

from .documents import DOCUMENTS, ROOT, links

pytest.importorskip('mkdocs')
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
