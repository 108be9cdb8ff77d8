// What llama.cpp computes from our files of the Llama family: the 200 tokens that follow a
// text, each the one with the largest probability, and log-probabilities with adapters.
//
//   npm install --ignore-scripts node-llama-cpp@3.22.1 @node-llama-cpp/linux-x64@3.22.1   (outside of the project)
//   go test ./hub -run TestLlamaCppLlama -args -gguf DIR
//   node testdata/hub-llama/llamacpp.mjs DIR NODE_MODULES

import {createHash} from "node:crypto";
import {readdirSync, readFileSync, writeFileSync} from "node:fs";
import {join} from "node:path";

const [dir, modules] = process.argv.slice(2);
const {getLlama} = await import(join(modules, "node-llama-cpp", "dist", "index.js"));
const llama = await getLlama({gpu: false, build: "never", logLevel: "warn"});
const texts = JSON.parse(readFileSync(join(dir, "texts.json")));
const tokens = [3, 14, 15, 9, 26, 5, 35, 60, 7, 9];
const vocab = 61;

async function open(model, lora) {
    const m = await llama.loadModel({modelPath: join(dir, model), gpuLayers: 0, checkTensors: true});
    // keys and values in float32, as in the network
    const context = await m.createContext({contextSize: 256, batchSize: 256, threads: 1, flashAttention: false,
        experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32", lora: lora && {adapters: [{filePath: join(dir, lora)}]}});
    return [m, context, context.getSequence()];
}

async function follow(model) {
    const [m, context, sequence] = await open(model);
    const out = [];
    let next = texts[model];
    for (let i = 0; i < 200; i++) {
        const rows = await sequence.controlledEvaluate(next.map((t, k) => k === next.length - 1 ? [t, {generateNext: {probabilities: true, options: {temperature: 1, topK: vocab, topP: 1, minP: 0}}}] : t));
        const best = [...rows.at(-1).next.probabilities.entries()].reduce((a, b) => a[1] >= b[1] ? a : b);
        out.push(best[0]);
        next = [best[0]];
    }
    await context.dispose();
    await m.dispose();
    return out;
}

async function beside(model, lora) {
    const [m, context, sequence] = await open(model, lora);
    const rows = await sequence.controlledEvaluate(tokens.map((t) => [t, {generateNext: {probabilities: true, options: {temperature: 1, topK: vocab, topP: 1, minP: 0}}}]));
    const out = rows.slice(-2).map((r) => Array.from({length: vocab}, (_, i) => Number(Math.log(r.next.probabilities.get(i)).toPrecision(6))));
    await context.dispose();
    await m.dispose();
    return out;
}

const files = {}, after = {}, rows = {};
for (const f of readdirSync(dir).sort())
    if (f.endsWith(".gguf")) files[f] = createHash("sha256").update(readFileSync(join(dir, f))).digest("hex");
for (const f of Object.keys(files))
    if (f.includes("+")) rows[f] = await beside(`${f.split("+")[0]}.gguf`, f);
    else after[f] = await follow(f);
const versions = {"node-llama-cpp": JSON.parse(readFileSync(join(modules, "node-llama-cpp", "package.json"))).version, "llama.cpp": llama.llamaCppRelease.release};
writeFileSync(new URL("llamacpp.json", import.meta.url), JSON.stringify({versions, files, tokens, after, rows}) + "\n");
console.log(versions, Object.keys(after), Object.keys(rows));
process.exit(0);
