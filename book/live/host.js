// Widgets in a page without Python: each view of the lessons gets a model that holds its state, as the lesson left it, and
// asks the page's own answers where JupyterLab would ask Python.

import { delivered } from "./delivered.js";

const TOO_OLD = "This widget needs a newer browser: Chrome 80, Firefox 113, Safari 16.4 or later. Its picture is shown instead.";
const AHEAD = "600px"; // below the window: a widget that will soon be seen is woken

/** What anywidget's views ask of a model. `answers(model, changed)` hears what the view saved, `message` what it sent. */
export class PageModel {
  constructor(state) {
    Object.assign(this, { state, reactions: {}, unsaved: new Set(), answers: null });
  }

  get(name) {
    return this.state[name];
  }

  set(names, value) {
    for (const [name, one] of Object.entries(typeof names === "string" ? { [names]: value } : names)) {
      if (same(this.state[name], one)) continue;
      this.state[name] = one;
      this.unsaved.add(name);
      this.emit(`change:${name}`);
    }
  }

  save_changes() {
    const changed = [...this.unsaved];
    this.unsaved.clear();
    if (changed.length) this.answers?.changed?.(changed);
  }

  send(content, _callbacks, buffers = []) {
    this.answers?.message?.(content, buffers);
  }

  on(event, react) {
    (this.reactions[event] ??= new Set()).add(react);
  }

  off(event, react) {
    this.reactions[event]?.delete(react);
  }

  emit(event, ...given) {
    for (const react of [...(this.reactions[event] ?? [])]) react(...given);
  }

  /** From the answers to the view: traits, or a message with bytes. */
  reply(traits) {
    this.set(traits);
    this.unsaved.clear();
  }

  tell(content, ...buffers) {
    this.emit("msg:custom", content, buffers.map((buffer) => new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)));
  }
}

function same(one, other) {
  return one === other || (one && other && !(one instanceof DataView) && JSON.stringify(one) === JSON.stringify(other));
}

/** A widget's saved state, with its bytes as views like anywidget's have them. */
export function restored({ traits, buffers }) {
  const state = structuredClone(traits);
  for (const [name, text] of Object.entries(buffers)) {
    state[name] = new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
  }
  return state;
}

/** Bring a saved widget to life in `node`, which says which one it is. */
async function wake(node, answersOf, pageViews) {
  const { widget, lesson, model: id, folder } = node.dataset;
  try {
    if (widget in pageViews) {
      pageViews[widget](node, folder);
      return node.classList.add("gb-awake");
    }
    const [view, states] = await Promise.all([delivered(`view-${widget}`, `${folder}/views/${widget}.js`),
      delivered(`lesson-${lesson}`, `${folder}/states/${lesson}.js`)]);
    const model = new PageModel(restored(states[id]));
    model.answers = answersOf[widget]?.(model, folder) ?? null;
    await model.answers?.ready?.();
    view.render({ model, el: node });
    node.classList.add("gb-awake");
  } catch (error) {
    node.textContent = error.message; // the still picture stays
  }
}

/**
 * Every saved widget of the page lives as soon as it is nearly in sight. `answersOf` are what stands behind views that ask for
 * something; `pageViews` build those that have a view of their own in pages.
 */
export function wakeAll(answersOf = {}, pageViews = {}) {
  const nodes = document.querySelectorAll(".gb-live");
  followTheme();
  if (!globalThis.DecompressionStream) return nodes.forEach((node) => (node.textContent = TOO_OLD)); // saved bytes are packed
  const watcher = new IntersectionObserver((entries) => {
    for (const { target } of entries.filter(({ isIntersecting }) => isIntersecting)) {
      watcher.unobserve(target);
      wake(target, answersOf, pageViews);
    }
  }, { rootMargin: AHEAD });
  for (const node of nodes) watcher.observe(node);
}

/** The widgets' styles look for JupyterLab's word for the theme; the site's theme has another. */
function followTheme() {
  const root = document.documentElement;
  const follow = () => (root.dataset.jpThemeLight = root.dataset.theme !== "dark");
  new MutationObserver(follow).observe(root, { attributeFilter: ["data-theme"] });
  follow();
}
