import { builtFile, builtVersion } from '../../http/page/built-files.ts';
import type { BenchPageData } from '../../ui/bench-page-data.ts';

/** A benchmark as one file of HTML, with all that it needs: it asks nobody for anything. */
export async function benchPage(measured: Omit<BenchPageData, 'version' | 'time'>): Promise<string> {
  const [style, script] = await Promise.all([builtFile('ui/page.css'), builtFile('ui/bench-page.js')]);
  const data: BenchPageData = { ...measured, version: await builtVersion(), time: Date.now() };
  const policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";
  // No text of a model ends the script that it is in.
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="content-security-policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>ssd-llm bench</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<header><h1>ssd-llm bench</h1> <p id="headline"></p></header>
<main class="alone"><div id="status"></div></main>
<script type="application/json" id="data">${json}</script>
<script type="module">${script}</script>
</body>
</html>
`;
}
