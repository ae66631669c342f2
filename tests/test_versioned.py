"""The form in which two versions of a text are one."""

from __future__ import annotations

from versioned import both_versions

TEXT = '''\
def f():
    """It returns

    1  #v1
    2  #v2
    """
    return 1  # the first  #v1
    return 2\t#v2
#v2
def g(): return "#v1 and #v2"
'''


def test_a_marked_line_is_in_its_version_only_also_in_a_string_and_where_it_is_blank() -> None:
    first, second = both_versions(TEXT)
    assert first == (
        'def f():\n    """It returns\n\n    1\n    """\n    return 1  # the first\ndef g(): return "#v1 and #v2"\n'
    )
    assert second == 'def f():\n    """It returns\n\n    2\n    """\n    return 2\n\ndef g(): return "#v1 and #v2"\n'


def test_a_text_without_marks_is_both_versions() -> None:
    assert both_versions("x = 1\n\ny = 2") == ("x = 1\n\ny = 2",) * 2
