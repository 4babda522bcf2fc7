"""The style sheet of the report: light and dark, phone and desktop, screen and print."""

CSS = """
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --card: #ffffff; --ink: #1d2329; --soft: #59636e; --rule: #dfdcd4; --grid: #ebe8e1;
  --main: #1f5fa8; --correct: #2a7d5f; --wrong: #c0452f; --oos: #8a6d1f; --limit: #6f6a60; --heat: #1f5fa8;
  --good-back: #e5f3ec; --fair-back: #fbf2d9; --bad-back: #fae6e1; --none-back: #efede8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --card: #1c2024; --ink: #e8e6e1; --soft: #a3abb3; --rule: #333a41; --grid: #282e34;
    --main: #7db2ee; --correct: #6cc5a0; --wrong: #f08a74; --oos: #d9b75f; --limit: #a9a498; --heat: #4f8fd6;
    --good-back: #17322a; --fair-back: #362e17; --bad-back: #3b211c; --none-back: #262a2e;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2.2rem 1.1rem 4rem; max-width: 68rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
h1, h2, h3 { line-height: 1.25; text-wrap: balance; }
h1 { font-size: 1.05rem; font-weight: 600; color: var(--soft); margin: 0 0 .6rem; }
h2 { font-size: 1.3rem; margin: 3rem 0 .4rem; }
h3 { font-size: 1rem; margin: 0 0 .5rem; }
p { margin: .4rem 0 1rem; max-width: 46rem; }
.headline { font-size: clamp(1.45rem, 3.4vw, 2.1rem); line-height: 1.25; font-weight: 650; max-width: 40rem; }
.headline { margin: 0 0 1rem; }
.soft, figcaption, .meta { color: var(--soft); }
.meta { font-size: .9rem; }
.verdict { padding: .8rem 1rem; border-left: 4px solid; border-radius: 4px; max-width: 46rem; }
.verdict.good { background: var(--good-back); border-color: var(--correct); }
.verdict.fair { background: var(--fair-back); border-color: var(--oos); }
.verdict.bad { background: var(--bad-back); border-color: var(--wrong); }
.verdict.none { background: var(--none-back); border-color: var(--limit); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .8rem; margin: 1.4rem 0; }
.tile, figure, .pair { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; }
.tile { padding: .9rem 1rem; }
.tile b { display: block; font-size: 1.7rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tile span { display: block; font-size: .88rem; color: var(--soft); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 25rem), 1fr)); gap: 1rem; }
.charts.three { grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); }
figure { margin: 0; padding: .9rem; }
figcaption { font-size: .88rem; margin-top: .3rem; }
svg { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--soft); }
svg .axis { stroke: var(--limit); } svg .grid { stroke: var(--grid); }
svg .line { fill: none; stroke-width: 2.2; stroke-linejoin: round; }
svg .line.main { stroke: var(--main); }
svg .line.limit { stroke: var(--limit); stroke-width: 1.4; stroke-dasharray: 5 4; }
svg .dot.main { fill: var(--main); fill-opacity: .75; stroke: var(--card); }
svg .dot.chosen { fill: var(--wrong); stroke: var(--card); stroke-width: 2; }
svg .bar.correct { fill: var(--correct); } svg .bar.wrong { fill: var(--wrong); } svg .bar.oos { fill: var(--oos); }
svg .note { font-size: 11.5px; } svg .note.chosen { fill: var(--wrong); font-weight: 650; font-size: 13px; }
.scroll { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .38rem .7rem; text-align: left; border-bottom: 1px solid var(--rule); vertical-align: top; }
thead th { font-weight: 600; color: var(--soft); border-bottom-width: 2px; white-space: nowrap; }
tbody th { font-weight: 500; }
td.number, th.number { text-align: right; white-space: nowrap; }
td small { color: var(--soft); display: block; }
.heat td { text-align: center; min-width: 2.6rem; border: 1px solid var(--paper); padding: .35rem; }
.heat td { background: color-mix(in srgb, var(--heat) calc(var(--v) * 88%), var(--card)); }
.heat td.dark { color: #fff; }
.heat td.wrong { background: color-mix(in srgb, var(--wrong) calc(var(--v) * 88%), var(--card)); }
.heat th { border: 0; white-space: nowrap; padding-block: .2rem; }
.heat thead th { vertical-align: bottom; padding: .3rem .1rem; font-weight: 500; color: var(--ink); }
.heat thead th span { writing-mode: vertical-rl; transform: rotate(180deg); display: inline-block; max-height: 13rem; }
.pairs { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); gap: 1rem; }
.pair { padding: .9rem 1rem; }
.pair h3 { overflow-wrap: anywhere; }
.pair ul { list-style: none; margin: 0; padding: 0; }
.pair li { padding: .3rem 0; border-top: 1px solid var(--grid); overflow-wrap: anywhere; font-size: .93rem; }
.pair li small { color: var(--soft); white-space: nowrap; }
.pair li small.accepted { color: var(--wrong); font-weight: 600; }
details { margin-top: 1rem; }
summary { cursor: pointer; font-weight: 600; padding: .3rem 0; }
summary:focus-visible { outline: 2px solid var(--main); outline-offset: 3px; }
footer { margin-top: 3.5rem; padding-top: 1rem; border-top: 1px solid var(--rule); }
@media print { body { max-width: none; padding: 0; } figure, .tile, .pair, tr { break-inside: avoid; } }
@media (max-width: 34rem) { th, td { padding: .35rem .5rem; } .heat td { min-width: 2rem; } }
"""
