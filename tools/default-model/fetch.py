"""Downloads the icon packages from an npm registry, or takes a folder that has them."""
import json
import os
import pathlib
import shutil
import urllib.request

from settings import PACKAGES

REGISTRY = "https://registry.npmjs.org"


def fetch(out: pathlib.Path, folder: pathlib.Path | None = None) -> None:
    out.mkdir(parents=True, exist_ok=True)
    registry = os.environ.get("NPM_CONFIG_REGISTRY", REGISTRY).rstrip("/")
    for name, (version, _) in PACKAGES.items():
        target = out / f"{name}-{version}.tgz"
        if folder:
            found = [p for p in folder.glob("*.tgz") if p.name.endswith(f"json-{name}-{version}.tgz")]
            if not found:
                raise SystemExit(f"fetch: {folder} has no archive of @iconify-json/{name} {version}; "
                                 f"run there: npm pack @iconify-json/{name}@{version}")
            shutil.copy(found[0], target)
        else:
            with urllib.request.urlopen(f"{registry}/@iconify-json%2F{name}/{version}") as reply:
                address = json.load(reply)["dist"]["tarball"]
            with urllib.request.urlopen(address) as reply, open(target, "wb") as file:
                shutil.copyfileobj(reply, file)
