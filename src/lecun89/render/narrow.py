"""Tables in narrow terminals: in parts below each other, so that no number and no word is cut."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Column, Table
from rich.text import Text

_EDGES = 2  # of the table's box
_COMFORT = 20  # for a column of words, which are wrapped
_LONGEST = 40  # a longer word than this, such as a path, may be broken


@dataclass(frozen=True)
class _Width:
    """What a column of a table needs: without a word being broken, with comfort, and at most."""

    least: int
    comfortable: int
    most: int


def fitted(table: Table, width: int) -> list[RenderableType]:
    """A table of text as it fits a terminal: what to print, one below the other.

    Where it is too wide, its columns come in parts, each beside the first columns, as many as tell
    the rows apart; where a single one is too wide, each cell of a row gets a line.

    Args:
        table: as `lecun89.render.tables.plain_table` makes it; its title is taken out of it.
        width: columns of the terminal.
    """
    title, table.title = table.title, None
    return [*([title] if title is not None else []), *_parts(table, width)]


def _parts(table: Table, width: int) -> Iterator[RenderableType]:
    widths = [_width(column, shown=table.show_header) for column in table.columns]
    if _need([one.most for one in widths], _gap(table)) <= width:
        yield table
        return
    table.collapse_padding = True
    gap = _gap(table)
    groups = _groups(widths, _keys(table), width, gap)
    if any(_need([widths[index].least for index in group], gap) > width for group in groups):
        yield from _lines(table)
        return
    for group in groups:
        part = Table(
            box=table.box,
            padding=table.padding,
            collapse_padding=True,
            pad_edge=table.pad_edge,
            show_header=table.show_header,
        )
        for index, size in zip(group, _spread([widths[i] for i in group], width, gap), strict=True):
            column = table.columns[index]
            part.add_column(column.header, justify=column.justify, width=size, overflow="fold")
        for cells in zip(*(table.columns[index].cells for index in group), strict=True):
            part.add_row(*cells)
        yield part


def _lines(table: Table) -> Iterator[Text]:
    """Each row as its cells below each other, or behind each other where they have no headings."""
    columns = [[str(cell) for cell in column.cells] for column in table.columns]
    headings = [str(column.header) for column in table.columns]
    for first, *others in zip(*columns, strict=True):
        if table.show_header:
            named = zip(headings[1:], others, strict=True)
            lines = [f"  {name} {cell}" for name, cell in named if cell]
            yield Text("\n".join([first, *lines]), overflow="ignore")
        else:
            yield Text("  ".join([first, *others]), overflow="ignore")


def _width(column: Column, *, shown: bool) -> _Width:
    cells = [str(cell) for cell in column.cells]
    heading = str(column.header) if shown else ""
    most = max(map(cell_len, [heading, *cells]))
    if column.justify == "right":  # a number with its unit, which are not to be parted
        least = max(map(cell_len, [*heading.split(), *cells, ""]))
        return _Width(least, least, most)
    words = [cell_len(word) for text in (heading, *cells) for word in text.split()]
    least = max((size for size in words if size <= _LONGEST), default=0)
    return _Width(least, max(least, min(most, _COMFORT)), most)


def _keys(table: Table) -> list[int]:
    """The first columns, as many as tell the rows apart; the first alone where none do."""
    rows = list(zip(*(map(str, column.cells) for column in table.columns), strict=True))
    for count in range(1, len(table.columns)):
        if len({row[:count] for row in rows}) == len(rows):
            return list(range(count))
    return [0]


def _groups(widths: Sequence[_Width], keys: list[int], width: int, gap: int) -> list[list[int]]:
    """The columns of each part, the keys in all of them; one column more where none fits."""
    groups: list[list[int]] = []
    for index in range(len(keys), len(widths)):
        longer = [*(groups[-1] if groups else keys), index]
        if groups and _need([widths[i].comfortable for i in longer], gap) <= width:
            groups[-1] = longer
        else:
            groups.append([*keys, index])
    return groups or [keys]


def _spread(widths: Sequence[_Width], width: int, gap: int) -> list[int]:
    """A width for each column: what it needs, and of what is left, to the one that lacks most."""
    sizes = [one.comfortable for one in widths]
    if _need(sizes, gap) > width:
        sizes = [one.least for one in widths]
    for _ in range(width - _need(sizes, gap)):
        lacking = [one.most - size for one, size in zip(widths, sizes, strict=True)]
        if max(lacking) <= 0:
            break
        sizes[lacking.index(max(lacking))] += 1
    return sizes


def _need(sizes: Sequence[int], gap: int) -> int:
    return _EDGES + sum(sizes) + gap * (len(sizes) - 1)


def _gap(table: Table) -> int:
    """Between two columns: the box's line, and what stands on its sides."""
    return 1 if not any(table.padding) else 2 if table.collapse_padding else 3
