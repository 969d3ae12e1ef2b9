// Shows new rows as they come: the server sends the page again, and what is different in it is put in its place.
// Without this script a page is as it was when it was loaded.
"use strict";

let source = null;

function listen() {
  if (source || document.hidden) return;
  source = new EventSource("/live" + location.pathname + location.search);
  source.onmessage = (event) => {
    const page = new DOMParser().parseFromString(JSON.parse(event.data), "text/html");
    update(document.getElementById("main"), page.getElementById("main"));
  };
}

// A hidden page holds no connection, of which browsers have few.
function leave() {
  source?.close();
  source = null;
}

// Returns what to show in the place of an element: the same one, changed where it differs, so that what is open,
// focused, typed or selected in it stays so; or the new one.
function update(old, fresh) {
  if (old.isEqualNode(fresh)) return old;
  const isSame = old.nodeType === Node.ELEMENT_NODE && old.nodeName === fresh.nodeName;
  if (!isSame || old.dataset.key !== fresh.dataset.key) return fresh;
  for (const { name } of [...old.attributes]) {
    if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) old.setAttribute(name, value);
  const before = [...old.childNodes];
  const keyed = new Map(before.filter((node) => node.dataset?.key).map((node) => [node.dataset.key, node]));
  const used = new Set();
  const after = [...fresh.childNodes].map((node, n) => {
    const match = keyed.get(node.dataset?.key) ?? before[n];
    if (!match || used.has(match)) return node;
    used.add(match);
    return update(match, node);
  });
  after.forEach((node, n) => {
    if (old.childNodes[n] !== node) old.insertBefore(node, old.childNodes[n] ?? null);
  });
  while (old.childNodes.length > after.length) old.lastChild.remove();
  return old;
}

addEventListener("pageshow", listen);
addEventListener("pagehide", leave);
document.addEventListener("visibilitychange", () => (document.hidden ? leave() : listen()));
