"""Has the originals read what pedestrian writes.

    go test ./hub -run TestExported -exported DIR
    python check.py DIR [--nanogpt model.py] [--llmc REPOSITORY]

Every model under DIR is loaded by its original: transformers, with no missing and no
unexpected key; nanoGPT's GPT, strictly; llm.c's train_gpt2.c, compiled here. Each must
compute the logits and the loss that pedestrian's engine computed in float64 from the
same numbers. If all agree, exported.json records the SHA-256 of every file that was
read, the deviations and the versions; a test compares what is written with that.
Needs torch, transformers, safetensors, numpy; gcc for llm.c.
"""

import argparse, hashlib, importlib.util, json, pathlib, subprocess, tempfile

import numpy, torch, transformers
from safetensors import safe_open
from safetensors.torch import load_file

HERE = pathlib.Path(__file__).parent
C = r"""
#define TESTING
#include "train_gpt2.c"
int main(int argc, char **argv) {
    GPT2 model;
    gpt2_build_from_checkpoint(&model, argv[1]);
    int B = atoi(argv[4]), T = atoi(argv[5]);
    int *x = malloc(B * T * sizeof(int)), *y = malloc(B * T * sizeof(int));
    FILE *f = fopenCheck(argv[2], "rb");
    freadCheck(x, sizeof(int), B * T, f);
    freadCheck(y, sizeof(int), B * T, f);
    fcloseCheck(f);
    gpt2_forward(&model, x, y, B, T);
    f = fopenCheck(argv[3], "wb");
    fwrite(&model.mean_loss, sizeof(float), 1, f);
    for (int i = 0; i < B * T; i++)
        fwrite(model.acts.logits + (size_t)i * model.config.padded_vocab_size, sizeof(float), model.config.vocab_size, f);
    fcloseCheck(f);
    return 0;
}
"""


def torch_forward(model, want):
    x, y = torch.tensor(want["Tokens"]), torch.tensor(want["Targets"])
    with torch.no_grad():
        logits = model(x).logits if isinstance(model, transformers.GPT2LMHeadModel) else model(x, y)[0]
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
    return loss.item(), logits.double().numpy().flatten()


def hf(dir, want):
    with safe_open(sorted(dir.glob("*.safetensors"))[0], "pt") as f:
        assert f.metadata() == {"format": "pt"}
    model, info = transformers.GPT2LMHeadModel.from_pretrained(
        dir, dtype=torch.float64, attn_implementation="eager", output_loading_info=True)
    for key, found in info.items():
        assert not found, (key, found)
    auto = transformers.AutoModelForCausalLM.from_pretrained(dir, dtype="auto")
    assert str(auto.dtype) == "torch." + json.loads((dir / "config.json").read_text())["dtype"]
    return torch_forward(model.eval(), want) + (1e-10,)


def nanogpt(dir, want, source):
    spec = importlib.util.spec_from_file_location("nano", source)
    nano = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(nano)
    model = nano.GPT(nano.GPTConfig(**json.loads((dir / "model_args.json").read_text()))).double()
    found = model.load_state_dict(load_file(dir / "model.safetensors"), strict=True)
    assert not found.missing_keys and not found.unexpected_keys
    return torch_forward(model.eval(), want) + (1e-10,)


def llmc(dir, want, repository):
    with tempfile.TemporaryDirectory() as tmp:
        tmp = pathlib.Path(tmp)
        subprocess.run(f"git --git-dir {repository} archive HEAD train_gpt2.c llmc | tar x -C {tmp}", shell=True, check=True)
        (tmp / "check.c").write_text(C)
        subprocess.run(["gcc", "-O2", "-o", tmp / "check", tmp / "check.c", "-lm"], check=True)
        x, y = numpy.array(want["Tokens"], "int32"), numpy.array(want["Targets"], "int32")
        (tmp / "batch").write_bytes(x.tobytes() + y.tobytes())
        subprocess.run([tmp / "check", dir / "model.bin", tmp / "batch", tmp / "out", *map(str, x.shape)], check=True, stdout=subprocess.DEVNULL)
        out = numpy.fromfile(tmp / "out", "float32").astype("float64")
    return out[0], out[1:], 1e-5


def llmc_bf16(dir):
    """llm.c's C reads float32 only; its layout is compared number by number."""
    raw = (dir / "model.bin").read_bytes()
    header = numpy.frombuffer(raw[:1024], "int32")
    T, V, L, H, d, Vp = header[2:8].astype(int)
    sizes = [Vp * d, T * d] + [L * n for n in (d, d, 3 * d * d, 3 * d, d * d, d, d, d, 4 * d * d, 4 * d, 4 * d * d, d)] + [d, d]
    assert list(header[:2]) == [20240326, 5] and Vp % 128 == 0 and 0 <= Vp - V < 128 and len(raw) == 1024 + 2 * sum(sizes), header[:8]
    return True


def main():
    a = argparse.ArgumentParser()
    a.add_argument("dir", type=pathlib.Path)
    a.add_argument("--nanogpt", default="model.py")
    a.add_argument("--llmc", default="llm.c")
    a = a.parse_args()
    results, files = {}, {}
    for dir in sorted(p for p in a.dir.iterdir() if p.is_dir()):
        want = json.loads((a.dir / (dir.name + ".json")).read_text())
        if dir.name == "llmc-bf16":
            llmc_bf16(dir)
            results[dir.name] = "layout only"
        else:
            loss, logits, near = (
                hf(dir, want) if dir.name.startswith("hf") else
                nanogpt(dir, want, a.nanogpt) if dir.name.startswith("nano") else llmc(dir, want, a.llmc))
            expected = numpy.array(want["Logits"])
            off = dict(loss=abs(loss - want["Loss"]) / want["Loss"], logits=float(abs(logits - expected).max() / abs(expected).max()))
            print(dir.name, want["DType"], f"loss {loss:.6f}", off)
            assert max(off.values()) < near, (dir.name, off)
            results[dir.name] = {k: float(f"{v:.1e}") for k, v in off.items()}
        for path in sorted(dir.iterdir()):
            files[f"{dir.name}/{path.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    versions = dict(torch=torch.__version__, transformers=transformers.__version__)
    (HERE / "exported.json").write_text(json.dumps(dict(versions=versions, deviations=results, files=files), indent=1) + "\n")


main()
