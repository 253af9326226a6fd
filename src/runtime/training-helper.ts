// The program of a process that runs a training graph on its part of a step.

/**
 * Importing nothing of ours, as in memory.ts. Messages are worked off in order. Weights and summed gradients go through files,
 * which stay in the system's cache: through a pipe they would be cut into pieces of 64 KiB.
 */
export const trainingHelper = `
const { openSync, readSync, writeSync } = process.getBuiltinModule('node:fs');
const { createRequire } = process.getBuiltinModule('node:module');
let ort, session, values, sums;
let weights = {}, totals = new Map(), runs = [];
const move = (call, file, arrays) => {
  let at = 0;
  for (const array of arrays) {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let done = 0; done < bytes.length;) {
      const moved = call(file, bytes, done, bytes.length - done, at + done);
      if (moved === 0) throw new Error('expected more bytes, found the end');
      done += moved;
    }
    at += bytes.length;
  }
};
const tensor = ({ dtype, dims, data }) => new ort.Tensor(dtype, data, dims);
const work = {
  async open(message) {
    ort = createRequire(message.onnxruntime)(message.onnxruntime);
    ort.env.logLevel = 'fatal';
    ort.listSupportedBackends();
    session = await ort.InferenceSession.create(message.model, message.settings);
    values = openSync(message.values, 'r');
    sums = openSync(message.sums, 'w');
    process.send({ done: [] });
  },
  begin({ shapes }) {
    for (const [name, dims] of shapes) {
      const count = dims.reduce((product, size) => product * size, 1);
      weights[name] ??= new ort.Tensor('float32', new Float32Array(count), dims);
    }
    move(readSync, values, shapes.map(([name]) => weights[name].data));
  },
  async run({ feeds, dense, others }) {
    const tensors = Object.entries(feeds).map(([name, value]) => [name, tensor(value)]);
    const outputs = await session.run({ ...Object.fromEntries(tensors), ...weights }, [...dense, ...others]);
    for (const name of dense) {
      const [more, sum] = [outputs[name].data, totals.get(name)];
      if (!sum) totals.set(name, more);
      else for (let i = 0; i < sum.length; i++) sum[i] += more[i];
    }
    runs.push(Object.fromEntries(others.map((name) => [name, { dtype: outputs[name].type, dims: outputs[name].dims, data: outputs[name].data }])));
  },
  finish() {
    move(writeSync, sums, [...totals.values()]);
    process.send({ done: runs });
    [totals, runs] = [new Map(), []];
  },
};
let last = Promise.resolve();
process.on('message', (message) => {
  last = last.then(() => work[message.kind](message)).catch((error) => {
    process.send({ error: String(error && error.message || error) }, () => process.exit(1));
  });
});
process.on('disconnect', () => process.exit(0));
process.on('SIGINT', () => undefined); // Ctrl-C goes to all processes of a terminal: this one ends when training has
`;
