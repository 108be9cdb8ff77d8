#!/usr/bin/env python3
"""The same work here, in PyTorch, transformers with PEFT, llm.c, llama.cpp, OpenBLAS and oneDNN, alternately in one run; prints the ratios.

    python3 bench/peers/run.py --torch ~/torch/bin/python [--transformers ~/torch/bin/python] [--llmc CHECKOUT]
        [--llamacpp ~/torch/bin/python] [--openblas ~/torch/bin/python] [--onednn PREFIX] [--text tinyshakespeare.txt] [CASE…]

A CASE is a prefix such as train/gpt2 or gemm/nn; none means all. README.md
explains the cases, the contract with `pedestrian bench`, and what is fair about it.
Needs Python 3.9 and nothing else; PyTorch lives in the environment of --torch.
"""
import argparse
import contextlib
import ctypes
import datetime
import json
import os
import pathlib
import platform
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PRECISIONS = ("float32", "bf16")
QUANTIZED = "q8_0"  # of generation and prompts, in llama.cpp alone
SPLIT = "bf16x3"  # of ours, beside an adapter: as exact as the float32 that PEFT has there
GEMM = ["nn/1024x2304x768", "nn/1024x768x768", "nn/1024x3072x768", "nn/1024x768x3072", "nn/1024x50257x768",
        "nn/256x2304x768", "nn/256x3072x768",
        "nt/1024x768x2304", "nt/1024x768x3072", "nt/1024x3072x768",
        "tn/768x2304x1024", "tn/768x3072x1024", "tn/3072x768x1024"]

# (case, rounds, repetitions a round); a case without its precision is run in all that it has.
CASES = [("train/gpt2/4x64", 5, 5), ("train/gpt2/4x256", 5, 3), ("train/gpt2/1x1024", 5, 3),
         ("train/char/12x64", 7, 100), ("train/smollm2-135m/1x512", 5, 3), ("train/smollm2-135m/4x256", 5, 3), ("lora/gpt2/4x256", 5, 3),
         ("lora/smollm2-135m/1x512", 5, 3), ("lora/smollm2-135m/4x256", 5, 3), ("lora/qwen2.5-0.5b/1x512", 3, 2), ("lora/qwen2.5-0.5b/4x256", 3, 2),
         ("generate/gpt2", 5, 1), ("generate/smollm2-135m", 5, 1), ("generate/qwen2.5-0.5b", 3, 1),
         ("prompt/gpt2/512", 5, 3), ("prompt/smollm2-135m/512", 5, 3), ("prompt/qwen2.5-0.5b/512", 3, 3)] + [(f"gemm/{g}", 7, 15) for g in GEMM] + [("run/char", 3, 1)]

# What is wanted of ours: (case prefix, precision, against, least ratio of speed).
WANTED = [("train/gpt2", "float32", "PyTorch", 1.3), ("train/gpt2", "float32", "llm.c", 8), ("train/gpt2", "bf16", "PyTorch", 1.8),
          ("run/char", "float32", "PyTorch", 3), ("generate/gpt2", "float32", "PyTorch", 3), ("lora/gpt2", "float32", "PEFT", 1.7), ("lora", "float32", "PEFT", 1.5),
          ("lora/gpt2", SPLIT, "PEFT", 1.7), ("lora", SPLIT, "PEFT", 1.5),
          ("generate", "", "llama.cpp", 1.1), ("prompt", "", "llama.cpp", 2), ("gemm", "float32", "", 1)]
MODES = ["eager", "compile", "autotune", "onednn"]  # the last one for steps in float32 alone
DISTURBED = 0.05  # the share of the machine that others may take while a sample is measured
WANTED_MEMORY = {"train/gpt2/4x256": 0.6, "lora/gpt2": 0.3, "lora": 0.35}  # of the peer's peak without its libraries


def precisions(case):
    return PRECISIONS + ((QUANTIZED,) if case.startswith(("generate/", "prompt/")) else (SPLIT,) if case.startswith("lora/") else ())


def environment(threads, cache, preload):
    """Peers at their best: no thread pools that fight, memory kept and in huge pages, one process that compiles."""
    env = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads),
               MALLOC_TRIM_THRESHOLD_=str(1 << 36), MALLOC_MMAP_THRESHOLD_=str(1 << 36), MALLOC_TOP_PAD_=str(64 << 20),
               GLIBC_TUNABLES="glibc.malloc.hugetlb=1", TORCHINDUCTOR_CACHE_DIR=cache, TORCHINDUCTOR_COMPILE_THREADS="1")
    if preload:
        env["LD_PRELOAD"] = preload
    return env


def die_with_parent():
    """Runs in a new worker: a stopped process would outlive a runner that is killed."""
    with contextlib.suppress(OSError, AttributeError):  # elsewhere than on Linux: without it
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def busy_seconds():
    """Processor time that everybody has taken so far, and the hypervisor from us; 0 where the system does not tell."""
    with contextlib.suppress(OSError), open("/proc/stat") as f:
        user, nice, system, _, _, irq, soft, steal = map(int, f.readline().split()[1:9])
        return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")
    return 0.0


def process_seconds(pid):
    """Processor time of a process and its threads."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as f:
        return sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def others(own, took, wall):
    """The share of this machine's processors that others took in that time."""
    return max(0.0, took - own) / (wall * os.cpu_count())


class Worker:
    """A peer that stays alive for one case and is stopped (SIGSTOP) while others are measured."""

    def __init__(self, name, command, env):
        self.name = name
        self.p = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                  start_new_session=True, preexec_fn=die_with_parent)
        self.about = self.read()
        self.pause()

    def read(self):
        while line := self.p.stdout.readline():
            try:
                return json.loads(line)
            except ValueError:
                print(f"{self.name}: {line.rstrip()}", file=sys.stderr)
        raise RuntimeError(f"{self.name} ended with code {self.p.wait()}")

    def pause(self):
        os.killpg(self.p.pid, signal.SIGSTOP)

    def sample(self, n):
        took, own, t0 = busy_seconds(), process_seconds(self.p.pid), time.monotonic()
        os.killpg(self.p.pid, signal.SIGCONT)
        print(n, file=self.p.stdin, flush=True)
        s = self.read()
        self.pause()
        s["others"] = others(process_seconds(self.p.pid) - own, busy_seconds() - took, time.monotonic() - t0)
        return s

    def close(self):
        if self.p.poll() is None:
            os.killpg(self.p.pid, signal.SIGCONT)
            self.p.stdin.close()
            try:
                self.p.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.p.pid, signal.SIGKILL)
                self.p.wait()


class Ours:
    """`pedestrian bench`, one process a sample; its peak memory is what the kernel says."""

    name, about = "pedestrian", {}

    def __init__(self, command, case, threads, text):
        self.case = case
        self.command = shlex.split(command) + ["--json", "--only", case, "--threads", str(threads)]
        if text and case.startswith("run/"):
            self.command += ["--text", text]

    def sample(self, n):
        with tempfile.TemporaryFile("w+") as out:
            took, t0 = busy_seconds(), time.monotonic()
            p = subprocess.Popen(self.command + ["--repeat", str(n)], stdout=out)
            _, status, usage = os.wait4(p.pid, 0)
            disturbed = others(usage.ru_utime + usage.ru_stime, busy_seconds() - took, time.monotonic() - t0)
            p.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            lines = [json.loads(line) for line in out if line.startswith("{")]
        if p.returncode != 0:
            raise RuntimeError(f"{shlex.join(self.command)} ended with code {p.returncode}")
        for s in lines:
            if s.get("name") == self.case:
                s["ms"] = s["ms"] if isinstance(s["ms"], list) else [s["ms"]]
                return dict(s, peak_mib=usage.ru_maxrss / 1024, others=disturbed)
        raise RuntimeError(f"{shlex.join(self.command)} printed no line named {self.case!r}")

    def close(self):
        pass


def build(name, source, folder, flags, needs):
    """Compiles a peer written in C; `needs` is a file of the other project that must be there."""
    out = os.path.join(folder, name)
    if not os.path.exists(needs):
        sys.exit(f"run.py: {name} needs {needs}, which is not there")
    try:
        subprocess.run(["gcc", *flags[0], str(HERE / source), *flags[1], "-lm", "-o", out], check=True)
    except (OSError, subprocess.CalledProcessError) as e:
        sys.exit(f"run.py: {source} was not compiled: {e}")
    return out


def build_llmc(checkout, folder):
    flags = ["-Ofast", "-march=native", "-fno-finite-math-only", "-fopenmp", "-DOMP", "-DTESTING", "-w", "-I", checkout], []
    return build("llmc_peer", "llmc_peer.c", folder, flags, os.path.join(checkout, "train_gpt2.c"))


def build_onednn(prefix, folder):
    include, lib = os.path.join(prefix, "include"), os.path.abspath(os.path.join(prefix, "lib"))
    return build("onednn_peer", "onednn_peer.c", folder, (["-O2", "-I", include], ["-L", lib, "-Wl,-rpath," + lib, "-ldnnl"]),
                 os.path.join(include, "dnnl.h"))


def peers(case, a, env, llmc, onednn):
    """The programs that can do a case, made one after the other so that none warms up beside another."""
    made = []

    def start(name, make):
        try:
            made.append(make())
        except (RuntimeError, OSError) as e:
            print(f"{case}: without {name}: {e}", file=sys.stderr)

    if a.ours:
        start("pedestrian", lambda: Ours(a.ours, case, a.threads, a.text))
    if a.torch and not case.endswith(QUANTIZED) and case.startswith(("train/gpt2", "train/char", "generate/gpt2", "gemm/", "run/")):
        possible = ["eager"] if case.startswith("gemm/") else MODES if case.startswith("train/") and case.endswith("float32") else MODES[:-1]
        for mode in [m for m in a.modes.split(",") if m in possible]:
            command = [a.torch, str(HERE / "torch_peer.py"), case, "--mode", mode, "--threads", str(a.threads)]
            start("PyTorch " + mode, lambda: Worker("PyTorch " + mode, command + (["--text", a.text] if a.text else []), env))
    if a.transformers and not case.endswith(QUANTIZED) and (case.startswith(("lora/", "generate/", "prompt/", "train/smollm2"))):
        for mode in ["eager"] if case.startswith("generate/") else [m for m in MODES[:2] if m in a.modes.split(",")]:
            name = ("PEFT " if case.startswith("lora/") else "transformers ") + mode
            command = [a.transformers, str(HERE / "transformers_peer.py"), case, "--mode", mode, "--threads", str(a.threads)]
            start(name, lambda: Worker(name, command, env))
    if a.llamacpp and case.startswith(("generate/", "prompt/")):
        command = [a.llamacpp, str(HERE / "llamacpp_peer.py"), case, "--threads", str(a.threads)]
        start("llama.cpp", lambda: Worker("llama.cpp", command, env))
    if llmc and case.startswith("train/gpt2/") and case.endswith("float32"):
        b, t = case.split("/")[2].split("x")
        start("llm.c", lambda: Worker("llm.c", [llmc, b, t], env))
    if case.startswith("gemm/") and case.endswith("float32"):
        _, form, shape, _ = case.split("/")
        product = [form, *shape.split("x")]
        if a.openblas:
            command = [a.openblas, str(HERE / "openblas_peer.py"), *product, "--threads", str(a.threads)]
            start("OpenBLAS", lambda: Worker("OpenBLAS", command, env))
        if onednn:
            start("oneDNN", lambda: Worker("oneDNN", [onednn, *product], env))
    return made


def measure(case, rounds, repeats, a, env, llmc, onednn, log):
    """Every program in turn, `rounds` times: samples by program, and what each said of itself."""
    programs = peers(case, a, env, llmc, onednn)
    samples, about = {p.name: [] for p in programs}, {p.name: p.about for p in programs}
    try:
        for r in range(rounds):
            for p in list(programs):
                if p.name == "llm.c" and r >= a.llmc_rounds:
                    continue
                try:
                    for _ in range(a.tries):
                        s = p.sample(1 if p.name == "llm.c" else repeats)
                        log(dict(case=case, program=p.name, round=r, about=p.about, **s))
                        if s["others"] <= DISTURBED:
                            break
                except (RuntimeError, OSError, KeyError, ValueError) as e:
                    print(f"{case}: {p.name}: {e}", file=sys.stderr)
                    programs.remove(p)
                    p.close()
                    continue
                samples[p.name].append(s)
    finally:
        for p in programs:
            p.close()
    return {name: s for name, s in samples.items() if s}, about


def wanted(case, against, ratio):
    for prefix, precision, peer, least in WANTED:
        if case.startswith(prefix) and case.endswith(precision) and against.startswith(peer):
            return f"{'ok' if ratio >= least else 'short of'} {least:g}"
    return ""


def report(case, samples, about):
    """Prints a line a program: median, spread, speed, peak memory, ours over theirs. Returns the median of ours."""
    print(f"\n{case}")
    medians = {name: [statistics.median(s["ms"]) for s in ss] for name, ss in samples.items()}
    ours = medians.get("pedestrian")
    for name, rounds in medians.items():
        s, ms = samples[name][-1], statistics.median(rounds)
        unit = f"{s['tokens'] / ms * 1e3:9.1f} tok/s" if "tokens" in s else f"{s['flop'] / ms / 1e6:9.1f} GFLOP/s"
        peak, libraries = max(x.get("peak_mib", 0) for x in samples[name]), about[name].get("import_mib", 0)
        line = f"  {name:16} {ms:10.2f} ms ({min(rounds):.2f} … {max(rounds):.2f}) {unit}" + (f"  peak {peak:6.0f} MiB" if peak else "") + (f" ({libraries:.0f} libraries)" if libraries else "")
        if ours and name != "pedestrian":
            ratios = [theirs / mine for theirs, mine in zip(rounds, ours)]
            ratio = statistics.median(ratios)
            line += f"  ours ×{ratio:.2f} ({min(ratios):.2f} … {max(ratios):.2f}) {wanted(case, name, ratio)}"
            mine = max(x.get("peak_mib", 0) for x in samples["pedestrian"])
            if case.startswith(("train/", "lora/")) and peak:
                share = mine / (peak - libraries)
                line += f"  memory ×{share:.2f}"
                most = next((most for prefix, most in WANTED_MEMORY.items() if case.startswith(prefix)), None)
                if most and libraries:
                    line += f" {'ok' if share <= most else 'more than'} {most:g}"
        if (most := max(x["others"] for x in samples[name])) > DISTURBED:
            line += f"  DISTURBED: others took up to {most:.0%} of this machine"
        if "kernel" in about[name] and not name.startswith("llama.cpp"):
            line += f"  {about[name]['version']} {about[name]['kernel']}"
        if "phases" in s:
            line += "  " + " ".join(f"{k} {v:.0f}" for k, v in s["phases"].items())
        if "val_loss" in s:
            line += f"  val {s['val_loss'][-1]:.3f}, target after {s['s_to_target'][-1] or float('nan'):.1f} s"
        print(line, flush=True)
    return statistics.median(ours) if ours else None


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that workers are closed
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("cases", nargs="*", metavar="CASE", help="prefixes of cases; a precision may follow after the case")
    p.add_argument("--ours", default="", help='command of ours, such as "./pedestrian bench"; empty: peers alone')
    p.add_argument("--torch", default="", help="Python with PyTorch")
    p.add_argument("--transformers", default="", help="Python with PyTorch, transformers and PEFT")
    p.add_argument("--llamacpp", default="", help="Python with xllamacpp, gguf and numpy")
    p.add_argument("--llmc", default="", help="checkout of karpathy/llm.c")
    p.add_argument("--openblas", default="", help="Python with numpy (built on OpenBLAS, as pip's is) and threadpoolctl")
    p.add_argument("--onednn", default="", help="where include/dnnl.h and lib/libdnnl.so are, such as /usr")
    p.add_argument("--text", default="", help="a copy of tinyshakespeare.txt, for run/char")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rounds", type=int, default=0, help="instead of each case's own number")
    p.add_argument("--repeat", type=int, default=0, help="repetitions a round, instead of each case's own number")
    p.add_argument("--tries", type=int, default=3, help="samples in place of one during which others took more than 5 %% of this machine")
    p.add_argument("--llmc-rounds", type=int, default=2, help="llm.c takes up to a minute a step")
    p.add_argument("--precision", choices=(*PRECISIONS, QUANTIZED, SPLIT), help="only this one")
    p.add_argument("--modes", default="eager,compile", help="of PyTorch: " + ", ".join(MODES) + " (float32 steps whose products are its oneDNN's, not its MKL's)")
    p.add_argument("--preload", default="", help="an allocator for PyTorch, such as libjemalloc.so.2")
    p.add_argument("--out", default="", help="append every sample as a JSON line")
    a = p.parse_args()
    if not (a.ours or a.torch or a.transformers or a.llamacpp or a.llmc or a.openblas or a.onednn):
        p.error("name at least one program: --ours, --torch, --transformers, --llamacpp, --llmc, --openblas or --onednn")

    if unknown := set(a.modes.split(",")) - set(MODES):
        p.error(f"unknown mode {unknown.pop()!r}: choose of {', '.join(MODES)}")
    all_cases = [(f"{c}/{pr}", r, n) for c, r, n in CASES for pr in precisions(c) if a.precision in (None, pr)]
    chosen = [c for c in all_cases if not a.cases or any(c[0].startswith(x) for x in a.cases)]
    if not a.text:
        chosen = [c for c in chosen if not c[0].startswith("run/")]
    if not chosen:
        p.error("no case is left: the names are " + ", ".join(c for c, _, _ in CASES) + "; run/char needs --text")

    load = os.getloadavg()[0]
    print(f"{datetime.date.today()} {platform.machine()} {platform.system()} {platform.release()}, {a.threads} threads, load {load:.2f}")
    if load > 0.5:
        print("this machine is busy: ratios will be wrong, since programs that spin suffer most", file=sys.stderr)
    out = open(a.out, "a") if a.out else None

    def log(sample):
        if out:
            print(json.dumps(sample), file=out, flush=True)

    ours, measured = {}, False
    with tempfile.TemporaryDirectory() as folder:
        env = environment(a.threads, os.environ.get("TORCHINDUCTOR_CACHE_DIR") or os.path.join(folder, "inductor"), a.preload)
        llmc = build_llmc(a.llmc, folder) if a.llmc else ""
        onednn = build_onednn(a.onednn, folder) if a.onednn else ""
        for case, rounds, repeats in chosen:
            samples, about = measure(case, a.rounds or rounds, a.repeat or repeats, a, env, llmc, onednn, log)
            measured = measured or bool(samples)
            ours[case] = report(case, samples, about) if samples else None
    if not measured:
        sys.exit("run.py: nothing was measured")
    for case, ms in ours.items():
        other = case.replace("float32", "bf16")
        if case != other and ms and ours.get(other):
            print(f"{case.removesuffix('/float32')}: our bf16 is ×{ms / ours[other]:.2f} our float32" + (" (wanted 3)" if case.startswith("train/gpt2") else ""))


if __name__ == "__main__":
    main()
