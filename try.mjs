import { openDataset } from './src/data/open-dataset.ts';
const t=performance.now();
const d = await openDataset(process.argv[2]);
let n=0; let most=0; for await (const r of d.rows()) { if(++n%5000===0){ gc(); const m=process.memoryUsage(); most=Math.max(most,m.heapUsed+m.external);} }
console.log(process.argv[2], n, 'live MiB', (most/2**20).toFixed(1), 'maxRSS', (process.resourceUsage().maxRSS/1024).toFixed(), (performance.now()-t).toFixed()+'ms');
