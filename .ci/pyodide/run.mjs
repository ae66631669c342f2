// Runs the test suite on CPython 3.14 as Pyodide provides it: node run.mjs CHECKOUT WHEELS [PYTEST ARGUMENTS]
//
// The npm package contains the interpreter and its standard library. Pyodide's own installer downloads from a CDN;
// here the wheels of the directory WHEELS, pure Python ones, are unpacked instead, so nothing is fetched.

import fs from "node:fs";
import path from "node:path";
import { loadPyodide } from "pyodide";

async function run(checkout, wheels, pytestArguments) {
  const pyodide = await loadPyodide({ env: { HOME: "/home/pyodide", PYTHONDONTWRITEBYTECODE: "1" } });
  const extractDir = pyodide.runPython("import site; site.getsitepackages()[0]");
  for (const wheel of fs.readdirSync(wheels)) {
    pyodide.unpackArchive(new Uint8Array(fs.readFileSync(path.join(wheels, wheel))), "wheel", { extractDir });
  }
  pyodide.mountNodeFS("/checkout", path.resolve(checkout));
  pyodide.FS.chdir("/checkout");
  const script = fs.readFileSync(new URL("run_tests.py", import.meta.url), "utf8");
  return pyodide.runPython(`${script}\nmain`)(pyodide.toPy(pytestArguments));
}

const [checkout, wheels, ...pytestArguments] = process.argv.slice(2);
try {
  process.exitCode = await run(checkout, wheels, pytestArguments);
} catch (error) {
  // Node would print the line of source that threw, which is the whole of Pyodide's minified file.
  console.error(error.message);
  process.exitCode = 1;
}
