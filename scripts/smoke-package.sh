#!/usr/bin/env bash
# Packs the project, installs the tarball into an empty folder and uses it there: command line, exit codes, library, types.
set -euo pipefail
work=$1
tarball=$(npm pack --silent --ignore-scripts --pack-destination "$work")
mkdir "$work/app"
cd "$work/app"
npm init -y >/dev/null
# onnxruntime-node's install script fetches CUDA libraries, which the CPU does not need
ONNXRUNTIME_NODE_INSTALL=skip npm install --no-fund --no-audit "$work/$tarball"
bert-compress() { node_modules/.bin/bert-compress "$@"; }
bert-compress --version
bert-compress quantize --help | grep -q EXAMPLES
bert-compress inspect node_modules/bert-compress/fixtures/tickets | grep -q 'layers'
fixture=node_modules/bert-compress/fixtures/tickets
bert-compress quantize "$fixture" -o out --data "$fixture/dev.tsv" --max-drop 2pt --no-bench --json >report.json
node --input-type=module -e "import { readFileSync } from 'node:fs'; const r = JSON.parse(readFileSync('report.json', 'utf8')); if (r.verdict !== 'pass') throw new Error(r.verdict)"
test -f out/onnx/model_quantized.onnx -a -f out/tokenizer.json
code=0
bert-compress quantize "$fixture" -o small.onnx --max-size 1kB --no-bench --quiet || code=$?
test "$code" = 1 -a -f small.rejected.onnx -a ! -e small.onnx
code=0
bert-compress quantize nowhere.onnx 2>error.txt || code=$?
test "$code" = 2
grep -q '^bert-compress: nowhere.onnx: expected' error.txt
node --input-type=module -e "
import { quantize } from 'bert-compress';
const report = await quantize('$fixture', { output: 'lib.onnx', bench: false, to: 'fp16' });
if (!(report.parity.cosine > 0.9999)) throw new Error('cosine ' + report.parity.cosine);
"
echo "package works: command line, exit codes 0, 1, 2, library"
