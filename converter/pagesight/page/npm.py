"""Makes a bundle's folder an npm package: a front-end developer imports the classifier by its name."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from pagesight import manifest, resources
from pagesight.bundle_files import Role, has, named
from pagesight.errors import OptionError
from pagesight.json_values import JsonObject
from pagesight.page.single_file import pack

FOLDER = "npm"
FIRST_VERSION = "1.0.0"
_NAME = re.compile(r"(?:@[a-z0-9-][a-z0-9._-]*/)?[a-z0-9-][a-z0-9._-]*")
_VERSION = re.compile(r"(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?")
_MOST = 214
_TAKEN = {"node_modules", "favicon.ico"}


@dataclass(frozen=True)
class Package:
    """What `--npm NAME[@VERSION]` asks for."""

    name: str
    version: str = FIRST_VERSION

    @classmethod
    def parse(cls, value: str) -> "Package":
        """Name and version of `wish`. Raises OptionError for a name that npm does not take for a new package, with one it takes."""
        name, at, version = value[1:].rpartition("@") if "@" in value[1:] else (value[1:], "", "")
        name = value[:1] + name
        if not _NAME.fullmatch(name) or len(name) > _MOST or name in _TAKEN:
            raise OptionError(
                f"{name!r} is not a valid npm package name: lower-case letters, digits, '-', '_' and '.' are allowed, "
                f"at most {_MOST}, and no '.' or '_' in front",
                fix=f"pass --npm {_near(name)}",
            )
        if at and not _VERSION.fullmatch(version):
            raise OptionError(f"{version!r} is not a valid npm version", fix=f"pass --npm {name}@{FIRST_VERSION}")
        return cls(name, version or FIRST_VERSION)


def write_package(bundle: Path, package: Package, description: str) -> None:
    """Add package.json, README.md and FOLDER/ to `bundle`'s folder, so that `npm pack` takes it.

    `import { load } from NAME` finds the files by `new URL(…, import.meta.url)`, which most bundlers follow; NAME/inline carries
    them as text in a module of its own, for those that do not; NAME/element defines the element.
    """
    needed = _needed(bundle)
    into = bundle / FOLDER
    shutil.copytree(resources.web_template() / FOLDER, into)
    places = {path: f"../{path}" for path in needed}
    for script in (path for path in needed if path.endswith(".js")):
        # Under another name: a bundler would rewrite a script, and what is started must be what was published.
        places[script] = f"../{FOLDER}/{script.removesuffix('.js')}.bin"
        shutil.copyfile(bundle / script, into / places[script])
    rows = "".join(f"  {json.dumps(path)}: new URL({json.dumps(to)}, import.meta.url).href,\n" for path, to in places.items())
    (into / "files.js").write_text(f"// Where a bundler put the files.\nexport default {{\n{rows}}};\n", encoding="utf-8")
    # Workers for graphics cards are many bytes for few visitors: they are fetched, or left.
    text = pack({path: (bundle / path).read_bytes() for path in needed if not has(path, Role.GPU)})
    (into / "packed.js").write_text(f'// The files, packed.\nexport default "{text}";\n', encoding="utf-8")
    manifest.write_json(bundle / "package.json", _description(package, description, needed))
    (bundle / "README.md").write_text(_readme(package, description), encoding="utf-8")


def _needed(bundle: Path) -> list[str]:
    """What a classifier fetches: the contract, its worker with the WASM binary, the model, and the picture it checks itself on."""
    contract = json.loads((bundle / "contract.json").read_text(encoding="utf-8"))
    runtime = [path for path in contract["files"] if has(path, Role.CLASSIFIER)]
    golden = [contract["golden"]["path"]] if "golden" in contract else []
    return ["contract.json", *sorted(runtime), *golden]


def _description(package: Package, description: str, needed: list[str]) -> JsonObject:
    types = f"./{FOLDER}/index.d.ts"
    kept = [path for path in needed if not path.endswith(".js")]
    return {
        "name": package.name,
        "version": package.version,
        "description": description,
        "type": "module",
        "license": "UNLICENSED",
        "exports": {
            ".": {"types": types, "default": f"./{FOLDER}/index.js"},
            "./inline": {"types": types, "default": f"./{FOLDER}/inline.js"},
            "./react": {"types": f"./{FOLDER}/react.d.ts", "default": f"./{FOLDER}/react.js"},
            "./vue": {"types": f"./{FOLDER}/vue.d.ts"},
            "./element": {"types": "./pagesight.d.ts", "default": f"./{FOLDER}/element.js"},
            "./*": "./*",
        },
        "types": types,
        "peerDependencies": {"react": ">=18"},
        "peerDependenciesMeta": {"react": {"optional": True}},
        "sideEffects": [f"./{FOLDER}/element.js", "./pagesight-element.js"],
        "files": [f"{FOLDER}/", *named(Role.MODULE), *kept],
    }


def _readme(package: Package, description: str) -> str:
    return f"""# {package.name}

{description}

```js
import {{ load }} from "{package.name}";

const classifier = await load();
const [best] = await classifier.classify(file);
console.log(best.label, best.probability);
```

`classify` takes a File, Blob, ImageBitmap, ImageData, or an `img`, `video` or `canvas` element; the types say the rest.
Pictures never leave the device.

- **Vite, webpack, Parcel, Rollup** copy the model beside your code. Vite 7 and older want
  `optimizeDeps: {{ exclude: ["{package.name}"] }}` in their configuration.
- **esbuild and others**: `import {{ load }} from "{package.name}/inline"` carries the model in a module that is loaded on `load()`.
- **As an element**: `import "{package.name}/element"`, then `<pagesight-classifier></pagesight-classifier>` anywhere in your page.
- **React, Next.js**: `import {{ PagesightClassifier, useClassifier }} from "{package.name}/react"`.
"""


def _near(name: str) -> str:
    """The nearest name that npm takes."""
    near = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:_MOST]
    return near if near and near not in _TAKEN else "my-classifier"
