// Compares the tokens that llama.cpp makes, with the tokenizers that SaveGGUF writes, with
// those of token/testdata/families_ids.json. Run from the root of the module:
//
//     mkdir OUT && go test ./hub -run TestGGUFFamilies -families OUT
//     node testdata/gguf/families.mjs MODULES OUT
//
// MODULES is a node_modules with node-llama-cpp.
import {readFileSync, readdirSync} from "node:fs";
import {join} from "node:path";
import {pathToFileURL} from "node:url";

const [modules, dir] = process.argv.slice(2);
const {getLlama} = await import(pathToFileURL(join(modules, "node-llama-cpp", "dist", "index.js")));
const llama = await getLlama({gpu: false, build: "never", progressLogs: false});
const cases = JSON.parse(readFileSync("token/testdata/families_ids.json"));
console.log(llama.llamaCppRelease.release);
for (const f of readdirSync(dir).filter((f) => f.endsWith(".gguf")).sort()) {
    const name = f.replace(".gguf", "");
    const model = await llama.loadModel({modelPath: join(dir, f), gpuLayers: 0, vocabOnly: true});
    const begins = name === "qwen2" || name === "smollm2" ? 0 : 1; // the token before a text
    const wrong = [];
    for (const [text, ids] of cases) {
        const got = JSON.stringify([...model._model.tokenize(text, true)]), want = JSON.stringify(ids[name].slice(begins));
        if (got !== want) wrong.push([text, got, want]);
    }
    console.log(`${name}: ${cases.length} texts, ${wrong.length} otherwise`);
    for (const w of wrong) console.log("   ", JSON.stringify(w));
}
process.exit(0);
