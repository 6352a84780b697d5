// Runs paramcalc on Pyodide, off the page's own thread. Messages in: {id, question}; out: {id, answer} or {state}.
import { loadPyodide } from "./pyodide.mjs";

const ready = start();

async function start() {
  postMessage({ state: "Loading Python…" });
  const python = await loadPyodide({ indexURL: new URL("./", import.meta.url).href });
  postMessage({ state: "Loading paramcalc…" });
  const names = await (await fetch("wheels.json")).json();
  const wheels = await Promise.all(names.map(async (name) => (await fetch(`wheels/${name}`)).arrayBuffer()));
  for (const wheel of wheels) python.unpackArchive(wheel, "wheel");
  python.FS.writeFile("/home/pyodide/page.py", await (await fetch("page.py")).text());
  const answer = python.pyimport("page").answer;
  postMessage({ state: "ready", start: JSON.parse(answer(JSON.stringify({ command: "start" }))) });
  return answer;
}

self.onmessage = async ({ data }) => {
  try {
    const answer = await ready;
    postMessage({ id: data.id, answer: JSON.parse(answer(JSON.stringify(data.question))) });
  } catch (error) {
    postMessage({ id: data.id, answer: { error: [{ text: `internal error: ${error.message ?? error}`, hint: "" }] } });
  }
};
ready.catch((error) => postMessage({ state: "failed", text: String(error.message ?? error) }));
