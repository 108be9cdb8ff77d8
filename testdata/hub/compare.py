"""Holds `pedestrian download` against huggingface_hub, on a hub of our own on loopback.

    python testdata/hub/compare.py [PEDESTRIAN]

Without an argument it writes tree.txt: the cache that huggingface_hub makes of four
small files. With the path of the program it also lets that fill a cache from the same
server, compares the two trees, and asks huggingface_hub to find what was downloaded.
"""

import hashlib
import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import urllib.parse

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "config.json": b'{"model_type": "gpt2"}\n',
    "merges.txt": b"#version: 0.2\n",
    "model.safetensors": b"0123456789abcdef" * 4096,
    "README.md": b"not taken\n",
}
WANTED = ["config.json", "merges.txt", "*.safetensors"]


def git_sha(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Hub(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        name = path.rsplit("/", 1)[-1]
        data = FILES.get(name)
        if path.startswith("/store/"):
            return self.answer(200, data)
        if path.startswith("/api/models/owner/name/revision/"):
            return self.answer(200, json.dumps({
                "id": "owner/name", "sha": COMMIT, "private": False, "tags": [], "downloads": 0, "likes": 0,
                "siblings": [{"rfilename": n} for n in FILES],
            }).encode(), Content_Type="application/json")
        if path.startswith("/api/models/owner/name/tree/"):
            return self.answer(200, json.dumps([
                {"type": "file", "path": n, "size": len(d), "oid": git_sha(d),
                 **({"lfs": {"oid": hashlib.sha256(d).hexdigest(), "size": len(d), "pointerSize": 130}} if n.endswith(".safetensors") else {})}
                for n, d in FILES.items()
            ]).encode(), Content_Type="application/json")
        if "/resolve/" not in path or data is None:
            return self.answer(404, X_Error_Code="EntryNotFound", X_Repo_Commit=COMMIT)
        if name.endswith(".safetensors"):
            return self.answer(302, X_Repo_Commit=COMMIT, X_Linked_Size=str(len(data)),
                               X_Linked_Etag=f'"{hashlib.sha256(data).hexdigest()}"', Location=f"{STORE}/store/{name}")
        self.answer(200, data, X_Repo_Commit=COMMIT, ETag=f'"{git_sha(data)}"')

    do_HEAD = do_GET


def tree(cache):
    lines = []
    for path in sorted(pathlib.Path(cache).rglob("*"), key=lambda p: p.relative_to(cache).parts):
        name = path.relative_to(cache).as_posix()
        if path.is_symlink():
            lines.append(f"{name} -> {os.readlink(path)}")
        elif path.is_file() and name != "CACHEDIR.TAG" and "/trees/" not in name:
            lines.append(f"{name} {path.stat().st_size}")
    return "\n".join(lines) + "\n"


def serve():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


STORE = serve()
ENDPOINT = serve()
os.environ.update(HF_ENDPOINT=ENDPOINT, HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_PROGRESS_BARS="1")

with tempfile.TemporaryDirectory() as work:
    os.environ["HF_HOME"] = work + "/home"
    import huggingface_hub

    theirs, ours = work + "/theirs", work + "/ours"
    for revision in ["main", "refs/pr/1"]:
        huggingface_hub.snapshot_download("owner/name", revision=revision, cache_dir=theirs, allow_patterns=WANTED)
        # snapshot_download makes no ref; hf_hub_download, which transformers uses, does.
        huggingface_hub.hf_hub_download("owner/name", "config.json", revision=revision, cache_dir=theirs)
    want = tree(theirs)
    pathlib.Path(__file__).with_name("tree.txt").write_text(want)
    print(f"huggingface_hub {huggingface_hub.__version__} made\n{want}")
    if len(sys.argv) > 1:
        program = os.path.abspath(sys.argv[1])
        for revision in ["main", "refs/pr/1"]:
            subprocess.run([program, "download", "owner/name", "--revision", revision], check=True, cwd=work,
                           env={**os.environ, "HF_HUB_CACHE": ours})
        assert tree(ours) == want, f"pedestrian made\n{tree(ours)}"
        found = huggingface_hub.snapshot_download("owner/name", cache_dir=ours, local_files_only=True)
        assert found == os.path.realpath(ours) + "/models--owner--name/snapshots/" + COMMIT, found
        for name, data in FILES.items():
            path = huggingface_hub.try_to_load_from_cache("owner/name", name, cache_dir=ours)
            assert (path is None) == (name == "README.md"), (name, path)
            assert path is None or open(path, "rb").read() == data
        info = huggingface_hub.scan_cache_dir(ours)
        assert not info.warnings and len(info.repos) == 1, info
        print("pedestrian made the same; huggingface_hub finds every file of it")
        # And the other way: what Python has downloaded is found without asking anyone.
        out = subprocess.run([program, "download", "owner/name"], capture_output=True, text=True, cwd=work,
                             env={**os.environ, "HF_HUB_CACHE": theirs, "HF_HUB_OFFLINE": "1"})
        assert out.returncode == 0 and COMMIT in out.stdout, out
        print("pedestrian finds what huggingface_hub downloaded")
