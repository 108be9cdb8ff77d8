#!/usr/bin/env python3
"""Validate examples/cluster/mpijob.yaml against the schema of MPIJob, and write what was validated.

The schema is manifests/base/kubeflow.org_mpijobs.yaml of github.com/kubeflow/mpi-operator. Needs
jsonschema and PyYAML.

    testdata/mpijob/validate.py kubeflow.org_mpijobs.yaml COMMIT > testdata/mpijob/validated.json

A field that the schema does not know is an error here, although a cluster would drop it. That
the tool sees errors is tried with manifests that are spoiled.
"""
import copy
import hashlib
import importlib.metadata
import json
import pathlib
import sys

import jsonschema
import yaml


def closed(schema):
    """The schema, in which an object has no other fields than those that are named."""
    if isinstance(schema, list):
        return [closed(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    out = {k: closed(v) for k, v in schema.items()}
    named = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    if named and not schema.get("x-kubernetes-preserve-unknown-fields"):
        out.setdefault("additionalProperties", False)
    return out


def main():
    crd, commit = pathlib.Path(sys.argv[1]).read_bytes(), sys.argv[2]
    path = pathlib.Path(__file__).parents[2] / "examples/cluster/mpijob.yaml"
    text = path.read_bytes()
    manifest = yaml.safe_load(text)
    definition = yaml.safe_load(crd)
    group, version = manifest["apiVersion"].split("/")
    assert definition["spec"]["group"] == group and definition["spec"]["names"]["kind"] == manifest["kind"]
    found = [v for v in definition["spec"]["versions"] if v["name"] == version and v["served"]]
    schema = closed(found[0]["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    validator = jsonschema.Draft202012Validator(schema)
    errors = [e.message for e in validator.iter_errors(manifest)]
    if errors:
        sys.exit("\n".join(errors))

    spoiled = {}
    for name, spoil in {
        "a field of the job that there is not": lambda m: m["spec"].update(slotsPerWorkers=1),
        "a field of a container that there is not": lambda m: containers(m, "Worker")[0].update(arg=[]),
        "a number as a text": lambda m: m["spec"].update(slotsPerWorker="one"),
        "an implementation that there is not": lambda m: m["spec"].update(mpiImplementation="LAM"),
        "a container without a name": lambda m: containers(m, "Launcher")[0].pop("name"),
        "no replicas at all": lambda m: m["spec"].pop("mpiReplicaSpecs"),
    }.items():
        m = copy.deepcopy(manifest)
        spoil(m)
        messages = [e.message for e in validator.iter_errors(m)]
        assert messages, name
        spoiled[name] = len(messages)
    json.dump({
        "manifest_sha256": hashlib.sha256(text).hexdigest(),
        "schema": f"https://github.com/kubeflow/mpi-operator/blob/{commit}/manifests/base/kubeflow.org_mpijobs.yaml",
        "schema_sha256": hashlib.sha256(crd).hexdigest(),
        "version": version,
        "tool": "jsonschema " + importlib.metadata.version("jsonschema"),
        "errors": len(errors),
        "errors_of_spoiled": spoiled,
    }, sys.stdout, indent=1)
    print()


def containers(manifest, role):
    return manifest["spec"]["mpiReplicaSpecs"][role]["template"]["spec"]["containers"]


main()
