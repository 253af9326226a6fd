// The page's style: one column of figures with captions in the margin, light and dark from one palette.

/** Name, light, dark. Blue and vermilion are told apart in all common forms of colour blindness (Okabe and Ito, 2008). */
const palette: readonly (readonly [string, string, string])[] = [
  ['paper', '#fcfbf8', '#15171a'],
  ['ink', '#1c1b19', '#e6e3dc'],
  ['soft', '#5d5a53', '#a8a59d'],
  ['line', '#d8d4ca', '#383b41'],
  ['before', '#8e8a80', '#84868c'],
  ['after', '#0a62a9', '#64b1f3'],
  ['fail', '#b23708', '#ff9a70'],
];

const variables = (value: (light: string, dark: string) => string): string =>
  palette.map(([name, light, dark]) => `--${name}:${value(light, dark)}`).join(';');

export const style = `
:root{color-scheme:light dark;${variables((light) => light)}}
@supports (color:light-dark(red,red)){:root{${variables((light, dark) => `light-dark(${light},${dark})`)}}}
:root:has(option[value=light]:checked){color-scheme:light}
:root:has(option[value=dark]:checked){color-scheme:dark}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0 auto;max-width:70rem;padding:1.5rem 1.25rem 3rem;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
a{color:var(--after);text-underline-offset:.15em}
:focus-visible{outline:2px solid var(--after);outline-offset:2px}
.skip{position:absolute;left:-999rem}
.skip:focus{left:1rem;top:.5rem;background:var(--paper);padding:.25rem .5rem}
header{display:grid;grid-template-columns:1fr auto;gap:.25rem 1rem;align-items:start}
header>*{grid-column:1/-1}
.tool{grid-column:1;margin:0;color:var(--soft)}
.theme{grid-column:2;grid-row:1;color:var(--soft);font-size:13px}
select{font:inherit;color:var(--ink);background:var(--paper);border:1px solid var(--line);border-radius:3px;padding:.1rem .25rem}
h1,h2,h3{font-weight:600;line-height:1.25;text-wrap:balance}
h1{font-size:1.75rem;margin:.25rem 0 .5rem;letter-spacing:-.01em}
h2{font-size:1.15rem;margin:2.75rem 0 .75rem;padding-top:.6rem;border-top:1px solid var(--line)}
h3{font-size:1rem;margin:1.5rem 0 .5rem}
p,ul{margin:.5rem 0;max-width:44rem}
ul{padding-left:1.1rem}
li{margin:.15rem 0}
.soft,figcaption,caption{color:var(--soft)}
.pass{color:var(--after);font-weight:600}
.fail{color:var(--fail);font-weight:600}
.why{border-left:3px solid var(--fail);padding-left:.9rem;list-style:none}
nav{margin:1rem 0 0}
nav ul{display:flex;flex-wrap:wrap;gap:.1rem 1.1rem;padding:0;margin:0;list-style:none;max-width:none;font-size:13.5px}
nav a{display:inline-block;padding:.2rem 0}
summary{padding:.2rem 0;width:max-content;max-width:100%}
figure details{grid-column:1/-1}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:.75rem 0 0;font-size:13.5px}
dt{color:var(--soft)}
dd{margin:0}
code{white-space:nowrap}
.scroll{overflow-x:auto;max-width:100%;margin:.5rem 0}
table{border-collapse:collapse;font-size:13.5px;line-height:1.4;overflow-wrap:normal}
caption{caption-side:top;text-align:left;padding-bottom:.3rem;max-width:44rem}
th,td{padding:.22rem .8rem .22rem 0;text-align:left;vertical-align:baseline;font-weight:400}
th:last-child,td:last-child{padding-right:0}
thead th,thead td{color:var(--soft);border-bottom:1px solid var(--ink);white-space:nowrap;vertical-align:bottom}
tbody tr+tr>*{border-top:1px solid var(--line)}
tbody tr:last-child>*{border-bottom:1px solid var(--ink)}
.n{text-align:right;white-space:nowrap}
.w{white-space:nowrap}
.p{min-width:11rem;max-width:26rem;overflow-wrap:anywhere}
tbody .front{font-weight:600}
tbody th{position:sticky;left:0;background:var(--paper)}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
figure{margin:.5rem 0 1.25rem;display:grid;grid-template-columns:42.5rem minmax(0,1fr);gap:.25rem 1.75rem;align-items:start}
figcaption{font-size:13px;line-height:1.45;padding-top:.4rem}
figcaption p{margin:0 0 .5rem}
.key{white-space:nowrap}
.key::before{content:"";display:inline-block;width:.8em;height:.65em;margin-right:.35em;background:var(--k)}
.key.before{--k:var(--before)}
.key.after{--k:var(--after)}
.key.round::before{border-radius:50%;width:.65em}
.key.hollow::before{background:none;border:1.5px solid var(--after)}
details{font-size:13.5px}
summary{cursor:pointer;color:var(--soft);font-size:13px}
svg{display:block;max-width:100%;height:auto;overflow:visible}
svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;font-variant-numeric:tabular-nums;white-space:pre}
.narrow{display:none}
@media (max-width:1060px){figure{grid-template-columns:minmax(0,1fr)}}
@media (max-width:720px){.wide{display:none}.narrow{display:block}body{padding:1rem 1rem 2rem}h1{font-size:1.4rem}dl{grid-template-columns:1fr}dd{margin-bottom:.3rem}}
@media print{:root{color-scheme:light}body{max-width:none;padding:0;font-size:10pt}.theme,nav,.skip{display:none}h2{break-after:avoid}figure,tr{break-inside:avoid}.scroll{overflow:visible}details::details-content{content-visibility:visible;block-size:auto}a{color:inherit}}
`.replaceAll('\n', '');
