"""Tables: the same rows as data, as aligned text, and as HTML in which nothing from outside is markup."""

from dsonas.base.tables import Column, Table

ROWS = [{'name': 'a<b>\n', 'share': 0.5}, {'name': 'longer', 'share': None}]
COLUMNS = (Column('name', 'name', left=True), Column('share', 'share', lambda value: f'{value:.1f} %'))


def test_rows_are_data():
    table = Table(ROWS, COLUMNS)
    assert list(table) == table.rows == ROWS and len(table) == 2 and table[1]['name'] == 'longer'


def test_text_is_aligned_and_escaped():
    lines = str(Table(ROWS, COLUMNS, ['a note'])).splitlines()
    assert lines == ['name    share', 'a<b>\\n  0.5 %', 'longer', 'a note'] and repr(Table(ROWS, COLUMNS)) == str(
        Table(ROWS, COLUMNS)
    )


def test_html_is_escaped():
    page = Table(ROWS, COLUMNS, ['<i>'])._repr_html_()
    assert page.count('<tr>') == 3 and 'a&lt;b&gt;\\n' in page and '&lt;i&gt;' in page and '<b>' not in page
