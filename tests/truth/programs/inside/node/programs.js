// What programs for node do: `node programs.js NAME`.
"use strict";
const { Worker, isMainThread } = require("node:worker_threads");

const MIB = 1024 * 1024;

const programs = {
  buffers() {
    const kept = [];
    for (let number = 0; number < 24; number++) kept.push(Buffer.alloc(MIB, 1));
    return kept;
  },
  objects() {
    const kept = [];
    for (let number = 0; number < 300000; number++) kept.push({ id: number, name: `name ${number}`, tags: [number] });
    return kept;
  },
  json() {
    const rows = [];
    for (let number = 0; number < 60000; number++) rows.push({ id: number, name: `name ${number}`, value: number / 7 });
    return JSON.parse(JSON.stringify(rows));
  },
  workers() {
    for (let number = 0; number < 3; number++) new Worker(__filename, { argv: ["worker"] });
  },
  worker() {
    return Buffer.alloc(8 * MIB, 1);
  },
};

const name = isMainThread ? process.argv[2] : "worker";
const held = programs[name]();
setTimeout(() => held, 200);
