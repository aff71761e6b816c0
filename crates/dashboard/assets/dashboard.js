// What pages gain by scripts. Everything works without them.
(() => {
  "use strict";
  const root = document.documentElement;

  const isDark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;

  const tellTheme = () => {
    for (const button of document.querySelectorAll("[data-toggle-theme]")) {
      button.setAttribute("aria-pressed", String(isDark()));
    }
  };

  const copy = async (button) => {
    const field = document.getElementById(button.dataset.copy);
    const text = field.value ?? field.textContent.trim();
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without a secure context there is no clipboard: the text is selected, for the keyboard.
      if (field.select) field.select();
      else getSelection().selectAllChildren(field);
      return;
    }
    const label = button.dataset.label ?? button.textContent;
    button.dataset.label = label;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 2000);
  };

  document.addEventListener("click", (event) => {
    const toggle = event.target.closest("[data-toggle-theme]");
    if (toggle) {
      root.dataset.theme = isDark() ? "light" : "dark";
      try { localStorage.setItem("florin-theme", root.dataset.theme); } catch { /* As in theme.js. */ }
      tellTheme();
    }
    const copying = event.target.closest("[data-copy]");
    if (copying) copy(copying);
  });

  // A second click while the first is under way is of no use. The server would not do it twice either.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
  });

  // Back from the next page, a form may be sent again.
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
    }
  });

  // An open menu closes by Escape, and its button has the focus again.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = event.target.closest("details[data-menu][open]");
    if (open) { open.open = false; open.querySelector("summary").focus(); }
  });

  // Whoever was signed out meanwhile is asked to sign in where they are.
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status === 401) location.reload();
  });

  // Times as the reader's clock has them; the page itself tells UTC.
  const localize = (within) => {
    for (const time of within.querySelectorAll("time[datetime]:not([data-local])")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      time.dataset.local = "yes";
      time.title = `${time.textContent.trim()} (UTC)`;
      time.textContent = at.toLocaleString(root.lang, { dateStyle: "medium", timeStyle: "short" });
    }
  };

  // On a phone the navigation waits behind its button.
  if (matchMedia("(max-width: 52rem)").matches) document.querySelector(".side-menu")?.removeAttribute("open");

  document.addEventListener("htmx:load", (event) => localize(event.detail.elt));
  document.addEventListener("DOMContentLoaded", () => { tellTheme(); localize(document); });
})();
