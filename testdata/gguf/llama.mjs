// What llama.cpp computes from our files: log-probabilities after the last two of six
// tokens. And whether it cuts texts into GPT-2's tokens as we do.
//
//   npm install --ignore-scripts node-llama-cpp@3.21.1 @node-llama-cpp/linux-x64@3.21.1   (outside of the project)
//   go test ./hub -run TestLlamaCpp -args -gguf DIR
//   node testdata/gguf/llama.mjs DIR NODE_MODULES

import {createHash} from "node:crypto";
import {readdirSync, readFileSync, writeFileSync} from "node:fs";
import {join} from "node:path";

const [dir, modules] = process.argv.slice(2);
const {getLlama} = await import(join(modules, "node-llama-cpp", "dist", "index.js"));
const llama = await getLlama({gpu: false, build: "never", logLevel: "warn"});
const tokens = [3, 1, 4, 1, 5, 255];

async function run(model, lora) {
    const m = await llama.loadModel({modelPath: join(dir, model), gpuLayers: 0, checkTensors: true});
    const context = await m.createContext({contextSize: 12, batchSize: 12, threads: 1, lora: lora && {adapters: [{filePath: join(dir, lora)}]}});
    const sequence = context.getSequence();
    const rows = await sequence.controlledEvaluate(tokens.map((t) => [t, {generateNext: {probabilities: true, options: {temperature: 1, topK: 256, topP: 1, minP: 0}}}]));
    const vocab = 256;
    const out = rows.slice(-2).map((r) => Array.from({length: vocab}, (_, i) => Number(Math.log(r.next.probabilities.get(i)).toPrecision(6))));
    await context.dispose();
    await m.dispose();
    return out;
}

const files = {}, models = {};
for (const f of readdirSync(dir).sort())
    if (f.endsWith(".gguf") && f !== "gpt2.gguf") files[f] = createHash("sha256").update(readFileSync(join(dir, f))).digest("hex");
for (const f of Object.keys(files))
    models[f] = f.includes("+") ? await run(`${f.split("+")[0]}-f32.gguf`, f) : await run(f);
const versions = {"node-llama-cpp": JSON.parse(readFileSync(join(modules, "node-llama-cpp", "package.json"))).version, "llama.cpp": llama.llamaCppRelease.release};
writeFileSync(new URL("llama.json", import.meta.url), JSON.stringify({versions, tokens, files, models}) + "\n");
console.log(versions, Object.keys(models));
const gpt2 = await llama.loadModel({modelPath: join(dir, "gpt2.gguf"), gpuLayers: 0});
const cuts = JSON.parse(readFileSync(join(dir, "strings.json")));
const wrong = cuts.filter(({Text, IDs}) => JSON.stringify(gpt2.tokenize(Text)) !== JSON.stringify(IDs));
console.log(`${cuts.length} texts, cut otherwise by llama.cpp: ${wrong.length}`, wrong.slice(0, 5).map((c) => [c.Text, c.IDs, gpt2.tokenize(c.Text)]));
process.exit(0);
