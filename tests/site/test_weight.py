"""What no page uses goes, and what one uses stays."""

from pathlib import Path

import pytest
import weight
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("css", "kept"),
    [
        (".a{x:1}", ".a{x:1}"),
        (".gone{x:1}", ""),
        (".a .gone{x:1}", ""),
        (".gone, p > .a::before {x:1}", "p > .a::before{x:1}"),
        ("p:not(.gone){x:1}", "p:not(.gone){x:1}"),
        (".a:is(.gone, .b){x:1}", ".a:is(.gone, .b){x:1}"),
        (r".w\:50.a{x:1}", ""),
        ("@media print{.gone{x:1}.b{y:2}}", "@media print{.b{y:2}}"),
        ("@media print{.gone{x:1}}", ""),
        ("@font-face{font-family:F}", "@font-face{font-family:F}"),
        ('@charset "UTF-8";html{x:1}', '@charset "UTF-8";html{x:1}'),
        ("@keyframes k{0%{x:1}to{x:2}}", "@keyframes k{0%{x:1}to{x:2}}"),
        ('.a{background:url("a;}.gone{b")}', '.a{background:url("a;}.gone{b")}'),
    ],
)
def test_a_rule_stays_if_a_page_can_use_it(css, kept):
    assert weight.lighter_sheet(css, {"a", "b"}.__contains__) == kept


def test_classes_come_from_pages_and_from_scripts():
    found = weight.classes_of(['<p class="one two">'], ['e.classList.add("three-4")'])
    assert {"one", "two", "three-4"} <= found


def test_icons_are_found_however_they_are_written():
    sheets = [r'.a:before{content:"\f0c9"}', '.b:before{content:"\uf150"}', "p{x:1}"]
    assert weight.icons_in(sheets) == {0xF0C9, 0xF150}


def test_a_font_keeps_the_icons_that_are_named(tmp_path):
    theme = Path(__import__("pydata_sphinx_theme").__file__).parent
    (full,) = theme.rglob("fa-solid-900.ttf")
    path = tmp_path / "fa-solid-900.ttf"
    path.write_bytes(full.read_bytes())
    weight.lighter_font(path, {0xF0C9, 0xF019})
    light = path.with_suffix(".woff")
    with TTFont(light) as font:
        assert set(font.getBestCmap()) == {0xF0C9, 0xF019}
    assert light.stat().st_size < 5_000


def test_sheets_and_pages_name_the_light_fonts():
    css = (
        '@font-face{src:url("../v/fa-solid-900.woff2?d=1") format("woff2"),'
        'url("../v/fa-solid-900.ttf?d=1") format("truetype")}'
    )
    wanted = '@font-face{src:url("../v/fa-solid-900.woff?d=1") format("woff")}'
    assert weight.with_light_fonts(css) == wanted
    link = '<link rel="preload" href="v/fa-solid-900.woff2"> <i class="fa-solid">'
    assert 'fa-solid-900.woff"' in weight.with_light_fonts(link)


SHEET = """
html[data-theme="light"] .highlight { background: #fff; color: #080808 }
html[data-theme="light"] .highlight .n { color: #080808 } /* Name */
html[data-theme="light"] .highlight .k { color: #7928a1 } /* Keyword */
html[data-theme="dark"] .highlight { background: #222; color: #F8F8F2 }
html[data-theme="dark"] .highlight .n { color: #F8F8F2 } /* Name */
html[data-theme="dark"] .highlight .p { color: #F8F8F2; font-weight: bold } /* x */
"""


def test_code_without_a_look_of_its_own_needs_no_element():
    looks = weight.coloured(SHEET)
    assert looks == {"k", "p"}
    before, code = '<span class="n">y</span><div class="highlight">', "<b>if</b> x"
    tokens = code.replace("<b>", '<span class="k">').replace("</b>", "</span>")
    page = tokens.replace(" x", '<span class="w"> </span><span class="n">x</span>')
    assert weight.lighter_page(before + page, looks) == before + tokens


def test_blank_lines_go_before_the_text_only():
    page = "<p>\n  \n\n</p><article><pre><span></span>a\n\nb</pre></article>"
    assert weight.lighter_page(page, set()) == (
        "<p>\n</p><article><pre><span></span>a\n\nb</pre></article>"
    )
    listing = '<div class="highlight"><pre><span></span>a\n\nb</pre></div>'
    code = f"<article>{listing}</article>"
    assert weight.lighter_page(code, set()) == code.replace("<span></span>", "")


def test_the_script_that_draws_icons_again_goes():
    script = '<script src="../_static/scripts/fontawesome.js?digest=8"></script>\n<p>'
    assert weight.lighter_page(script, set()) == "<p>"


def test_a_page_loads_a_script_only_for_what_it_has():
    script = '<script defer src="../_static/mixture-slider.js?v=1"></script>'
    always = '<script src="../_static/print.js?v=1"></script>'
    used = f"{script}{always}<mixture-slider>"
    assert weight.lighter_page(used, set()) == used
    assert weight.lighter_page(f"{script}{always}<p>", set()) == f"{always}<p>"
