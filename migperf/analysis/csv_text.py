"""Text in CSV that programs for tables do not take for formulas.

They run what begins with ``=``, ``+``, ``-`` or ``@``, in quotes or not, and labels are whatever anybody likes. So an
apostrophe goes before such text, and before text that begins with one: whoever takes one apostrophe away where a cell
begins with one has the text as it was. Numbers stay as they are. See OWASP, "CSV Injection".
"""

import pyarrow as pa
import pyarrow.compute as pc

APOSTROPHE = "'"
_AS_FORMULA = "^[-=+@\t\r\n\uff0b\uff0d\uff1d\uff20']"
"""What text must not begin with; the wide forms are what some programs read as the narrow ones."""


def guarded(table: pa.Table) -> pa.Table:
    """Return the table with such text, headings among it, led in by an apostrophe."""
    names = _guarded(pa.chunked_array([table.column_names], pa.string())).to_pylist()
    return pa.table([_guarded(column) for column in table.columns], names=names)


def _guarded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        chunks = [pa.DictionaryArray.from_arrays(chunk.indices, _guarded(chunk.dictionary)) for chunk in column.chunks]
        return pa.chunked_array(chunks, column.type)
    if not pa.types.is_string(column.type):
        return column
    led_in = pc.binary_join_element_wise(APOSTROPHE, column, "")
    return pc.if_else(pc.match_substring_regex(column, _AS_FORMULA), led_in, column)
