"""Style: the sheet of a page, for screens wide and narrow, light and dark, and for paper."""

from typing import Final

__all__ = ["STYLE"]

STYLE: Final = """\
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#57606a;--rule:#d0d7de;--paper:#fff;--strong:#0a3d62}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,"Segoe UI",Roboto,
"Helvetica Neue",Arial,"Noto Sans","PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}
main{max-width:58rem;margin:0 auto;padding:2.5rem 2rem}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 1.5rem}
h2{font-size:1rem;margin:2rem 0 .5rem}
.head{display:flex;flex-wrap:wrap;gap:1.25rem 3rem;margin:0 0 2rem}
.head div{max-width:100%}
.head dt{color:var(--dim);font-size:.85rem}
.head dd{margin:0;white-space:pre-line;overflow-wrap:anywhere}
table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums lining-nums}
table+table{margin-top:2.5rem}
th{color:var(--dim);font-size:.85rem;font-weight:normal;text-align:left;border-bottom:1px solid var(--ink)}
th,td{padding:.4rem .6rem;vertical-align:top}
th:first-child,td:first-child{padding-left:0;overflow-wrap:anywhere}
thead th:first-child,tbody td:first-child{width:99%}
th:last-child,td:last-child{padding-right:0}
tbody td{border-bottom:1px solid var(--rule)}
.n{text-align:right;white-space:nowrap}
.n i{font-style:normal}
.n i::after{content:attr(data-pad);visibility:hidden}
.s td{font-weight:600;padding-top:1.2rem}
.u td{color:var(--dim);font-style:italic}
tfoot td{padding-top:.3rem;padding-bottom:.3rem}
tfoot tr:first-child td{padding-top:.8rem}
.b td{font-weight:700;border-top:1px solid var(--ink)}
.d td{font-weight:700;color:var(--strong)}
ul{margin:.5rem 0;padding-left:1.2rem;color:var(--dim)}
@media screen and (prefers-color-scheme:dark){
:root{--ink:#e6edf3;--dim:#9da7b3;--rule:#30363d;--paper:#0d1117;--strong:#9ecbff}}
@media screen and (max-width:40rem){
main{padding:1.25rem 1rem}
h1{font-size:1.5rem}
.lines thead th:nth-child(2),.lines thead th:nth-child(3){display:none}
.lines,.lines thead,.lines tbody,.lines tfoot{display:block}
.lines thead tr,.lines tfoot tr{display:flex;justify-content:space-between}
.lines th,.lines tfoot td{flex:none}
.lines thead tr{border-bottom:1px solid var(--ink)}
.lines th{border:0}
.lines th:first-child,.lines tfoot td:first-child{flex:1;min-width:0;padding-right:.6rem}
.lines tfoot td{padding-left:0}
.lines tbody tr{display:grid;grid-template-columns:auto 1fr auto;column-gap:.6rem;
border-bottom:1px solid var(--rule);padding:.4rem 0}
.lines tbody td{border:0;padding:0}
.lines tbody td:first-child{grid-area:1/1/2/3}
.lines tbody td[colspan]{grid-area:1/1/2/4}
.lines tbody td:nth-child(4){grid-area:1/3/2/4}
.lines tbody td:nth-child(2),.lines tbody td:nth-child(3){color:var(--dim);font-size:.85rem;text-align:left;
white-space:normal}
.lines tbody td:nth-child(3){grid-column:2/4}
.lines thead th,.lines td:first-child{width:auto}
table:not(.lines){display:block;font-size:.85rem}
table:not(.lines) :is(thead,tbody){display:block}
table:not(.lines) tr{display:grid;grid-template-columns:31% 25% 44%;
border-bottom:1px solid var(--rule);padding:.4rem 0}
table:not(.lines) :is(th,td){border:0;padding:0}
table:not(.lines) :is(th,td):first-child{grid-column:1/4}
table:not(.lines) :is(th,td):nth-child(2){text-align:left}
table:not(.lines) .n{white-space:normal}}
@page{size:A4;margin:16mm 14mm 18mm;@bottom-right{content:counter(page) " / " counter(pages);
font:9pt system-ui,
sans-serif;color:#57606a}}
@media print{
body{font-size:10pt}
table{font-size:9.5pt}
th,td{padding:.35rem .5rem}
main{max-width:none;padding:0}
tr,tfoot{break-inside:avoid}
.s{break-after:avoid}
.u{break-before:avoid}
thead{display:table-header-group}
tfoot{display:table-row-group}
h2{break-after:avoid}}
"""
